/** R1: Redis dies under load and comes back, with everything it acknowledged. */
import { startRedis } from '../../support/redis.ts';
import {
  between,
  firstSuccessAfter,
  latencies,
  ofOperation,
  quantile,
  refusedWith,
  succeeded,
} from '../support/figures.ts';
import { signInMany, sleep, startHonestLoad } from '../support/honest-client.ts';
import { inWorld, type Scenario, type World } from '../support/scenario.ts';

const scales = {
  short: { sessions: 24, refreshMilliseconds: 1_200, callMilliseconds: 150, downMilliseconds: 3_000 },
  full: { sessions: 200, refreshMilliseconds: 2_000, callMilliseconds: 800, downMilliseconds: 60_000 },
} as const;
const calmMilliseconds = 2_000;

export const redisKilled: Scenario = async (run) => {
  // Everything acknowledged is on the disk: what comes back is what was there.
  const redis = await startRedis({ settings: () => ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R1',
      run,
      replicas: 2,
      store: () => ({ REDIS_URL: `redis://127.0.0.1:${redis.port}/0` }),
    },
    async (world) => {
      world.onEnd(() => redis.dispose());
      const { client, cluster, random, recorder } = world;
      const deps = { client, random, replicas: cluster.replicas };
      const sessions = await signInMany(deps, scale.sessions);
      const [leaver] = await signInMany(deps, 1);
      const codes = await Promise.all([0, 1, 2].map(() => client.obtainCode(cluster.replicas[0])));
      const load = startHonestLoad(deps, sessions, scale);
      await sleep(calmMilliseconds);
      const memoryBefore = residentMegabytes(world);

      await redis.kill();
      const endOutage = recorder.beginOutage();
      const died = performance.now();
      await sleep(scale.downMilliseconds / 2);
      const memoryMeanwhile = residentMegabytes(world);
      for (const session of codes) await client.redeem(random.pick(cluster.replicas), session);
      if (leaver !== undefined) await client.revoke(random.pick(cluster.replicas), leaver);
      await sleep(scale.downMilliseconds / 2);
      const memoryAfter = residentMegabytes(world);
      endOutage();
      await redis.start();
      const returned = performance.now();
      await sleep(calmMilliseconds);
      await load.stop();

      const { answers } = recorder;
      const down = between(answers, died, returned - 1);
      const tokenDown = ofOperation(down, 'refresh');
      const calls = ofOperation(answers, 'call');
      const duration = (performance.now() - died) / 1000;
      world.note({
        'refreshes a second': ofOperation(between(answers, died, Infinity), 'refresh').length / duration,
        'calls a second': ofOperation(between(answers, died, Infinity), 'call').length / duration,
        'calls failed': calls.length - succeeded(calls).length,
        'token requests refused with 503': refusedWith(tokenDown, 503).length,
        'token requests otherwise': tokenDown.length - refusedWith(tokenDown, 503).length,
        ...latencies('503', refusedWith(tokenDown, 503)),
        'call p99 before ms': durations(ofOperation(between(answers, 0, died), 'call'), 0.99),
        'call p99 meanwhile ms': durations(ofOperation(down, 'call'), 0.99),
        'recovered after ms': firstSuccessAfter(ofOperation(answers, 'refresh'), returned) ?? Infinity,
        'sessions lost': load.lost().length,
        'memory grown MB': memoryAfter - memoryBefore,
        'of that in the second half MB': memoryAfter - memoryMeanwhile,
      });
      world.expect(succeeded(calls).length === calls.length, 'a call with a valid token failed');
      world.expect(load.lost().length === 0, `logins were lost to ${namesOf(load.lost())}`);
      await expectRecovery(world, sessions);
    },
  );
};

/** Without a restart, on every replica. */
async function expectRecovery(
  { client, cluster, expect }: World,
  sessions: ReadonlyArray<Parameters<World['client']['refresh']>[1]>,
): Promise<void> {
  for (const replica of cluster.replicas) {
    for (const session of sessions.slice(0, 3)) {
      const { answer } = await client.refresh(replica, session);
      expect(answer.result.outcome === 'success', 'a replica did not recover by itself');
    }
  }
}

export function namesOf(lives: ReadonlyArray<{ readonly lostTo: string | undefined }>): string {
  return [...new Set(lives.map(({ lostTo }) => lostTo ?? ''))].join(', ');
}

export function durations(
  answers: ReadonlyArray<{ readonly startedAt: number; readonly endedAt: number }>,
  share: number,
): number {
  return quantile(
    answers.map(({ startedAt, endedAt }) => endedAt - startedAt),
    share,
  );
}

function residentMegabytes({ cluster }: World): number {
  return Math.max(...cluster.replicas.map((replica) => replica.residentMegabytes()));
}
