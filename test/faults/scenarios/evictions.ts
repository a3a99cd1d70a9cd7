/** R4: Redis is full. With `noeviction` it refuses writes; with `allkeys-lru` it forgets what it acknowledged. */
import { type RedisProcess, startRedis } from '../../support/redis.ts';
import type { Session } from '../support/fault-client.ts';
import { latencies, refusedWith, succeeded } from '../support/figures.ts';
import { refreshUntilServed, signInMany } from '../support/honest-client.ts';
import { inWorld, type Scenario, type World } from '../support/scenario.ts';

const scales = { short: { sessions: 12 }, full: { sessions: 100 } } as const;
const roomBytes = 3_000_000;

export const evictions: Scenario = async (run) => {
  const redis = await startRedis({
    settings: () => ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'],
  });
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R4',
      run,
      replicas: 2,
      store: () => ({ REDIS_URL: `redis://127.0.0.1:${redis.port}/0` }),
      env: { RATE_LIMIT_ENABLED: 'false' },
    },
    async (world) => {
      world.onEnd(() => redis.dispose());
      const warned = world.cluster.replicas.every(({ warnings }) => warnings.has('redis_evicts'));
      world.expect(warned, 'nobody was warned of the evicting policy');
      await withoutEviction(world, redis, scale.sessions);
      await withEviction(world, redis, scale.sessions);
    },
  );
};

async function withoutEviction(world: World, redis: RedisProcess, count: number): Promise<void> {
  const { client, cluster, random, recorder } = world;
  const deps = { client, random, replicas: cluster.replicas };
  const sessions = await signInMany(deps, count);
  await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
  const from = recorder.answers.length;
  for (const session of sessions) {
    await client.refresh(random.pick(cluster.replicas), session);
    await client.call(random.pick(cluster.replicas), session);
  }
  const answers = recorder.answers.slice(from);
  const refreshes = answers.filter(({ operation }) => operation === 'refresh');
  const calls = answers.filter(({ operation }) => operation === 'call');
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  const served = await Promise.all(
    sessions.map((session) => refreshUntilServed(client, random.pick(cluster.replicas), session)),
  );
  world.note({
    'full: refreshed': succeeded(refreshes).length,
    'full: 503': refusedWith(refreshes, 503).length,
    ...latencies('full: refresh', refreshes),
    'full: calls failed': calls.length - succeeded(calls).length,
    'full: sessions lost': served.filter((each) => !each).length,
  });
  world.expect(refusedWith(refreshes, 503).length === refreshes.length, 'a full Redis took a rotation');
  world.expect(succeeded(calls).length === calls.length, 'a call with a valid token failed');
  world.expect(served.every(Boolean), 'a login was lost to a full Redis');
}

async function withEviction(world: World, redis: RedisProcess, count: number): Promise<void> {
  const { client, cluster, random } = world;
  const sessions = await signInMany({ client, random, replicas: cluster.replicas }, count);
  const spent: Array<readonly [Session, string]> = [];
  for (const session of sessions) {
    spent.push([session, session.refreshToken]);
    await client.refresh(random.pick(cluster.replicas), session);
  }
  await evictEverything(redis);
  let accepted = 0;
  let again = 0;
  let evicted = 0;
  for (const [session, token] of spent) {
    const code = await client.redeem(random.pick(cluster.replicas), { ...session });
    if (code.tokens !== undefined) again += 1;
    const old = await client.steal(random.pick(cluster.replicas), session, token);
    if (old.answer.result.outcome === 'success') accepted += 1;
    const { tokens } = await client.refresh(random.pick(cluster.replicas), session);
    if (tokens === undefined) evicted += 1;
  }
  world.note({
    'evicted: logins to repeat': evicted,
    'evicted: codes redeemed again': again,
    'evicted: spent tokens accepted': accepted,
  });
  world.expect(again === 0, 'an evicted record let a code be redeemed twice');
  world.expect(evicted > 0, 'nothing was evicted: the test proves nothing');
}

/** Somebody else fills the memory until nothing old is left. */
async function evictEverything(redis: RedisProcess): Promise<void> {
  const used = /^used_memory:(\d+)/m.exec(String(await redis.command('INFO', 'memory')))?.[1];
  await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  await redis.command('CONFIG', 'SET', 'maxmemory', String(Number(used) + roomBytes));
  const script = "for i = 1, 200 do redis.call('SET', ARGV[1] .. i, string.rep('x', 2000)) end";
  for (let batch = 0; batch < 40; batch += 1) {
    await redis.command('EVAL', script, '0', `somebody-else:${batch}:`);
  }
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
}
