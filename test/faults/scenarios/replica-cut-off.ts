/** R6: one replica of the gatehouse does not see Redis any more, the other does. */
import { startRedis } from '../../support/redis.ts';
import { firstSuccessAfter, latencies, ofOperation, refusedWith, succeeded } from '../support/figures.ts';
import { obtainCodes, refreshUntilServed, signInMany, sleep } from '../support/honest-client.ts';
import { inWorld, type Scenario } from '../support/scenario.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { startTcpRelay } from '../support/tcp-relay.ts';

const scales = { short: { codes: 12 }, full: { codes: 200 } } as const;

export const replicaCutOff: Scenario = async (run) => {
  const redis = await startRedis();
  const relay = await startTcpRelay(() => redis.port, createSeededRandom(run.seed));
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R6',
      run,
      replicas: 2,
      store: (index) => ({ REDIS_URL: `redis://127.0.0.1:${index === 1 ? relay.port : redis.port}/0` }),
    },
    async (world) => {
      world.onEnd(() => redis.dispose());
      world.onEnd(() => relay.close());
      const { client, cluster, random, recorder } = world;
      const [connected, cutOff = connected] = cluster.replicas;
      const sessions = await signInMany({ client, random, replicas: cluster.replicas }, 8);
      const codes = await obtainCodes({ client, random, replicas: [connected] }, scale.codes);
      relay.set({ kind: random.pick(['hang', 'cut'] as const) });
      const endOutage = recorder.beginOutage(cutOff.index);
      // Each code goes to both: an impatient client, or a load balancer that tries the next one.
      await Promise.all(
        codes.flatMap((session) =>
          [connected, cutOff].map(async (replica) => {
            await sleep(random.below(1_000));
            await client.redeem(replica, session);
          }),
        ),
      );
      const calls = await Promise.all(sessions.map((session) => client.call(cutOff, session)));
      endOutage();
      relay.set({ kind: 'clear' });
      const cleared = performance.now();
      for (const session of sessions) {
        const refreshed = await refreshUntilServed(client, cutOff, session);
        world.expect(refreshed, 'the replica did not come back by itself');
      }

      const redeemed = ofOperation(recorder.answers, 'redeem').slice(sessions.length);
      const there = redeemed.filter(({ replica }) => replica === connected.index);
      const away = redeemed.filter(({ replica }) => replica === cutOff.index);
      world.note({
        codes: codes.length,
        'redeemed by the connected one': succeeded(there).length,
        'redeemed by the one cut off': succeeded(away).length,
        'refused with 503 by the one cut off': refusedWith(away, 503).length,
        ...latencies('503', refusedWith(away, 503)),
        'calls failed': calls.length - succeeded(calls).length,
        'recovered after ms':
          firstSuccessAfter(ofOperation(recorder.answers, 'refresh'), cleared) ?? Infinity,
      });
      world.expect(succeeded(there).length === codes.length, 'not every code was redeemed once');
      world.expect(refusedWith(away, 503).length === codes.length, 'the one cut off did not say 503');
      world.expect(succeeded(calls).length === calls.length, 'a call with a valid token failed');
    },
  );
};
