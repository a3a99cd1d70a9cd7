/**
 * R3: a failover that loses acknowledged writes. The replica of Redis is cut off, the primary acknowledges
 * redemptions, rotations and revocations that the replica never hears of, and dies; the replica is promoted. The processes
 * that did the rotations live on and put them back.
 */
import { type RedisProcess, eventually, startRedis } from '../../support/redis.ts';
import type { Session } from '../support/fault-client.ts';
import { ofOperation, succeeded } from '../support/figures.ts';
import { obtainCodes, signInMany, sleep } from '../support/honest-client.ts';
import { inWorld, type Scenario, type World } from '../support/scenario.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { startTcpRelay } from '../support/tcp-relay.ts';

/** Inside its window a spent token gets its own successor: what comes later shows whether the rotation is known. */
export const shortWindow = { REFRESH_RACE_GRACE_SEC: '1' } as const;
/** A second of the window, one that clocks may differ by, and some. */
export const pastWindowMilliseconds = 3_500;

const scales = { short: { untouched: 6, touched: 12 }, full: { untouched: 100, touched: 200 } } as const;

export const failover: Scenario = async (run) => {
  const primary = await startRedis();
  const random = createSeededRandom(run.seed);
  /** Between the two servers. */
  const replication = await startTcpRelay(() => primary.port, random);
  const standby = await startRedis({
    settings: () => ['--replicaof', '127.0.0.1', String(replication.port), '--repl-diskless-sync-delay', '0'],
  });
  let serving: RedisProcess = primary;
  /** What clients take for Redis: it moves with the failover. */
  const service = await startTcpRelay(() => serving.port, random);
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R3',
      run,
      replicas: 2,
      store: () => ({ REDIS_URL: `redis://127.0.0.1:${service.port}/0` }),
      env: { RATE_LIMIT_ENABLED: 'false', ...shortWindow },
    },
    async (world) => {
      world.onEnd(() => primary.dispose());
      world.onEnd(() => standby.dispose());
      world.onEnd(() => replication.close());
      world.onEnd(() => service.close());
      const { recorder } = world;
      const lost = await prepare(world, scale);
      await inStep(primary, standby);

      replication.set({ kind: 'cut' });
      const spent = await touch(world, lost);
      await primary.kill();
      await standby.command('REPLICAOF', 'NO', 'ONE');
      serving = standby;
      service.set({ kind: 'cut' });
      service.set({ kind: 'clear' });
      recorder.noteLoss();
      const promoted = performance.now();
      await expectNewLogin(world, promoted);
      await judge(world, lost, spent);
    },
  );
};

interface Prepared {
  /** Nobody does anything with these while writes are lost. */
  readonly untouched: readonly Session[];
  readonly rotated: readonly Session[];
  readonly revoked: readonly Session[];
  readonly codes: readonly Session[];
}

async function prepare(
  { client, cluster, random }: World,
  scale: { readonly untouched: number; readonly touched: number },
): Promise<Prepared> {
  const deps = { client, random, replicas: cluster.replicas };
  return {
    untouched: await signInMany(deps, scale.untouched),
    rotated: await signInMany(deps, scale.touched),
    revoked: await signInMany(deps, Math.ceil(scale.touched / 4)),
    codes: await obtainCodes(deps, scale.touched),
  };
}

/** What is acknowledged here is what the failover forgets. Returns the tokens that were spent. */
async function touch({ client, cluster, random }: World, prepared: Prepared): Promise<readonly string[]> {
  const spent: string[] = [];
  for (const session of prepared.rotated) {
    spent.push(session.refreshToken);
    await client.refresh(random.pick(cluster.replicas), session);
  }
  for (const session of prepared.revoked) await client.revoke(random.pick(cluster.replicas), session);
  for (const session of prepared.codes) await client.redeem(random.pick(cluster.replicas), session);
  return spent;
}

/** Everything that was spent comes again, and everybody honest goes on. */
async function judge(world: World, prepared: Prepared, spent: readonly string[]): Promise<void> {
  const { client, cluster, random, recorder } = world;
  const from = recorder.answers.length;
  for (const session of prepared.codes) await client.redeem(random.pick(cluster.replicas), { ...session });
  const codesAgain = succeeded(recorder.answers.slice(from)).length;
  const goOn = async (sessions: readonly Session[]): Promise<number> => {
    const replies = await Promise.all(
      sessions.map((session) => client.refresh(random.pick(cluster.replicas), session)),
    );
    return replies.filter(({ tokens }) => tokens === undefined).length;
  };
  await sleep(pastWindowMilliseconds);
  // Half of the honest clients come before the thief.
  const half = Math.ceil(prepared.rotated.length / 2);
  const touchedLost = await goOn(prepared.rotated.slice(0, half));
  await sleep(pastWindowMilliseconds);
  const later = prepared.rotated.slice(half);
  const resurrected = await resurrect(world, later, spent.slice(half));
  let revived = 0;
  for (const session of prepared.revoked) {
    const { tokens } = await client.refresh(random.pick(cluster.replicas), session);
    if (tokens !== undefined) revived += 1;
  }
  const untouchedLost = await goOn(prepared.untouched);
  const over = await goOn(later);
  const outlived = await countLiving(world, resurrected);
  world.note({
    'codes redeemed in the lost window': prepared.codes.length,
    'codes redeemed again': codesAgain,
    'generations rotated in the lost window': prepared.rotated.length,
    'generations resurrected': resurrected.length,
    'still alive when the honest client came': outlived,
    'revoked in the lost window': prepared.revoked.length,
    'revoked and alive again': revived,
    'logins to repeat, touched': touchedLost,
    'logins that the thieves ended': over,
    'logins to repeat, untouched': untouchedLost,
  });
  world.expect(codesAgain === 0, `${codesAgain} codes were redeemed twice`);
  world.expect(touchedLost === 0, `${touchedLost} logins were lost that had refreshed just before`);
  world.expect(resurrected.length === 0, `${resurrected.length} generations were good once more`);
  world.expect(outlived === 0, `${outlived} resurrected generations outlived the next honest refresh`);
  world.expect(revived === 0, `${revived} revoked grants came back`);
  world.expect(untouchedLost === 0, `${untouchedLost} logins were lost that nobody had touched`);
}

export interface Resurrected {
  readonly session: Session;
  readonly refreshToken: string;
}

/** Presents tokens that were spent in what was lost; returns those that were accepted, with what they got. */
export async function resurrect(
  { client, cluster, random }: World,
  sessions: readonly Session[],
  spent: readonly string[],
): Promise<readonly Resurrected[]> {
  const found: Resurrected[] = [];
  for (const [index, session] of sessions.entries()) {
    const { tokens } = await client.steal(random.pick(cluster.replicas), session, spent[index] ?? '');
    if (tokens !== undefined) found.push({ session, refreshToken: tokens.refreshToken });
  }
  return found;
}

/** How many of the second branches still get something. */
export async function countLiving(
  { client, cluster, random }: World,
  branches: readonly Resurrected[],
): Promise<number> {
  const replies = await Promise.all(
    branches.map(({ session, refreshToken }) =>
      client.steal(random.pick(cluster.replicas), session, refreshToken),
    ),
  );
  return replies.filter(({ tokens }) => tokens !== undefined).length;
}

/** Tries until somebody can log in. */
async function expectNewLogin({ client, cluster, recorder, note }: World, since: number): Promise<void> {
  const before = ofOperation(recorder.answers, 'redeem').length;
  await eventually(() => client.signIn(cluster.replicas[0]));
  note({
    'new login after ms': performance.now() - since,
    'tries for it': ofOperation(recorder.answers, 'redeem').length - before,
  });
}

async function inStep(primary: RedisProcess, standby: RedisProcess): Promise<void> {
  await eventually(async () => {
    const offset = async (server: RedisProcess, name: string): Promise<string | undefined> =>
      new RegExp(`^${name}:(\\d+)`, 'm').exec(String(await server.command('INFO', 'replication')))?.[1];
    const [ahead, behind] = [
      await offset(primary, 'master_repl_offset'),
      await offset(standby, 'slave_repl_offset'),
    ];
    if (ahead === undefined || ahead !== behind) throw new Error('the standby is not in step');
  });
}
