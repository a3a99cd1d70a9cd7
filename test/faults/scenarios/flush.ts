/**
 * R5: somebody flushes Redis, restores an older snapshot, or shares it with another deployment. What was spent stays
 * spent, whatever Redis remembers.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

import { eventually, type RedisProcess, startRedis } from '../../support/redis.ts';
import { startCluster } from '../support/cluster.ts';
import { createFaultClient, type Session } from '../support/fault-client.ts';
import { succeeded } from '../support/figures.ts';
import { obtainCodes, signInMany, sleep } from '../support/honest-client.ts';
import { inWorld, type Scenario, type World } from '../support/scenario.ts';
import { countLiving, pastWindowMilliseconds, resurrect, shortWindow } from './failover.ts';

const scales = { short: { sessions: 6 }, full: { sessions: 60 } } as const;
const epochMetric = 'gatehouse_store_epoch_changes_total';
/** A login that began before a loss is refused; one that begins this long after it is not. */
const settleMilliseconds = 2_500;

export const flush: Scenario = async (run) => {
  const redis = await startRedis();
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R5',
      run,
      replicas: 2,
      store: () => ({ REDIS_URL: `redis://127.0.0.1:${redis.port}/0`, REDIS_KEY_PREFIX: 'gatehouse-a:' }),
      env: { RATE_LIMIT_ENABLED: 'false', ...shortWindow },
    },
    async (world) => {
      world.onEnd(() => redis.dispose());
      await twoDeployments(world, redis, scale.sessions);
      await flushed(world, redis, scale.sessions);
      await sleep(settleMilliseconds);
      await restored(world, redis, scale.sessions);
    },
  );
};

/** Another deployment on the same Redis, under another prefix, is emptied: this one does not notice. */
async function twoDeployments(world: World, redis: RedisProcess, count: number): Promise<void> {
  const { client, cluster, random, recorder } = world;
  const other = await startCluster({
    replicas: 1,
    store: () => ({ REDIS_URL: `redis://127.0.0.1:${redis.port}/0`, REDIS_KEY_PREFIX: 'gatehouse-b:' }),
  });
  const otherClient = createFaultClient({ provider: other.provider, recorder });
  try {
    const ours = await signInMany({ client, random, replicas: cluster.replicas }, count);
    const theirs = await otherClient.signIn(other.replicas[0]);
    const { tokens: crossed } = await client.steal(cluster.replicas[0], theirs, theirs.refreshToken);
    await redis.command('EVAL', deleteByPrefix, '0', 'gatehouse-b:*');
    const gone = await otherClient.refresh(other.replicas[0], theirs);
    const kept = await Promise.all(
      ours.map((session) => client.refresh(random.pick(cluster.replicas), session)),
    );
    const lost = kept.filter(({ tokens }) => tokens === undefined).length;
    world.note({ 'two deployments: logins lost': lost });
    world.expect(lost === 0, "a deployment lost logins to its neighbour's flush");
    world.expect(gone.tokens === undefined, 'a deployment goes on without its records');
    // The same keys and the same name: still, a grant of the one is no grant of the other.
    world.expect(crossed === undefined, 'a refresh token of another deployment was accepted');
  } finally {
    await otherClient.close();
    await other.close();
  }
}

const deleteByPrefix = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end";

async function flushed(world: World, redis: RedisProcess, count: number): Promise<void> {
  const { client, cluster, random, recorder } = world;
  const sessions = await signInMany({ client, random, replicas: cluster.replicas }, count);
  const codes = await obtainCodes({ client, random, replicas: cluster.replicas }, count);
  const before = await changesSeen(world);
  await redis.command('FLUSHALL');
  const at = performance.now();
  const from = recorder.answers.length;
  await presentAll(world, sessions, codes);
  const accepted = succeeded(recorder.answers.slice(from)).length;
  const calls = await Promise.all(sessions.map((session) => client.call(cluster.replicas[0], session)));
  const noticed = await untilNoticed(world, before);
  await eventually(() => client.signIn(random.pick(cluster.replicas)));
  world.note({
    'flushed: accepted afterwards': accepted,
    'flushed: calls failed': calls.length - succeeded(calls).length,
    'flushed: noticed after ms': noticed - at,
    'flushed: new login after ms': performance.now() - at,
  });
  world.expect(accepted === 0, `${accepted} codes or refresh tokens outlived their records`);
  world.expect(succeeded(calls).length === calls.length, 'a call with a valid token failed');
}

/** What was redeemed and rotated since the snapshot is forgotten with it. */
async function restored(world: World, redis: RedisProcess, count: number): Promise<void> {
  const { client, cluster, random, recorder } = world;
  const rotated = await signInMany({ client, random, replicas: cluster.replicas }, count);
  const untouched = await signInMany({ client, random, replicas: cluster.replicas }, count);
  const codes = await obtainCodes({ client, random, replicas: cluster.replicas }, count);
  await redis.command('SAVE');
  const snapshot = join(redis.folder, 'snapshot');
  copyFileSync(join(redis.folder, 'dump.rdb'), snapshot);
  const spent = rotated.map(({ refreshToken }) => refreshToken);
  for (const session of rotated) await client.refresh(random.pick(cluster.replicas), session);
  for (const session of codes) await client.redeem(random.pick(cluster.replicas), session);

  const before = await changesSeen(world);
  await redis.kill();
  copyFileSync(snapshot, join(redis.folder, 'dump.rdb'));
  await redis.start();
  recorder.noteLoss();
  const at = performance.now();
  const noticed = await untilNoticed(world, before);
  const from = recorder.answers.length;
  await presentAll(world, [], codes);
  const codesAgain = succeeded(recorder.answers.slice(from)).length;
  await sleep(pastWindowMilliseconds);
  const resurrected = await resurrect(world, rotated, spent);
  for (const session of rotated) await client.refresh(random.pick(cluster.replicas), session);
  const outlived = await countLiving(world, resurrected);
  const replies = await Promise.all(untouched.map((session) => client.refresh(cluster.replicas[0], session)));
  world.note({
    'restored: noticed after ms': noticed - at,
    'restored: codes redeemed again': codesAgain,
    'restored: generations resurrected': resurrected.length,
    'restored: still alive when the honest client came': outlived,
    'restored: logins to repeat, untouched': replies.filter(({ tokens }) => tokens === undefined).length,
  });
  world.expect(codesAgain === 0, `${codesAgain} codes were redeemed twice after a restore`);
  world.expect(resurrected.length === 0, `${resurrected.length} generations were good once more`);
  world.expect(outlived === 0, `${outlived} resurrected generations outlived the next honest refresh`);
}

async function presentAll(
  { client, cluster, random }: World,
  sessions: readonly Session[],
  codes: readonly Session[],
): Promise<void> {
  for (const session of codes) await client.redeem(random.pick(cluster.replicas), { ...session });
  for (const session of sessions) {
    await client.steal(random.pick(cluster.replicas), session, session.refreshToken);
  }
}

async function changesSeen({ cluster }: World): Promise<readonly number[]> {
  return Promise.all(cluster.replicas.map((replica) => replica.metric(epochMetric)));
}

/** When every replica has counted the loss. */
async function untilNoticed(world: World, before: readonly number[]): Promise<number> {
  await eventually(async () => {
    const now = await changesSeen(world);
    if (now.some((changes, index) => changes <= (before[index] ?? 0))) throw new Error('not noticed');
  });
  return performance.now();
}
