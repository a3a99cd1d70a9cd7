/** R14: every replica is restarted, and everybody refreshes in the same second. */
import { startRedis } from '../../support/redis.ts';
import { between, firstSuccessAfter, latencies, ofOperation, succeeded } from '../support/figures.ts';
import { refreshUntilServed, signInMany, sleep } from '../support/honest-client.ts';
import { inWorld, type Scenario } from '../support/scenario.ts';

const scales = { short: { clients: 40 }, full: { clients: 200 } } as const;

export const restartStorm: Scenario = async (run) => {
  const redis = await startRedis();
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R14',
      run,
      replicas: 2,
      store: () => ({ REDIS_URL: `redis://127.0.0.1:${redis.port}/0` }),
    },
    async (world) => {
      world.onEnd(() => redis.dispose());
      const { client, cluster, random, recorder } = world;
      const sessions = await signInMany({ client, random, replicas: cluster.replicas }, scale.clients);
      const began = performance.now();
      const restarts = cluster.replicas.map(async (replica) => {
        await replica.kill();
        await replica.start();
      });
      const served = await Promise.all(
        sessions.map(async (session) => {
          await sleep(random.next() * 1000);
          return refreshUntilServed(client, random.pick(cluster.replicas), session);
        }),
      );
      await Promise.all(restarts);
      const refreshes = ofOperation(between(recorder.answers, began, Infinity), 'refresh');
      world.note({
        clients: sessions.length,
        served: served.filter(Boolean).length,
        attempts: refreshes.length,
        'first served after ms': firstSuccessAfter(refreshes, began) ?? Infinity,
        'all served after ms': Math.max(...succeeded(refreshes).map(({ endedAt }) => endedAt)) - began,
        ...latencies('refresh', succeeded(refreshes)),
      });
      world.expect(served.every(Boolean), 'a client lost its login to a restart');
      const calls = await Promise.all(
        sessions.map((session) => client.call(random.pick(cluster.replicas), session)),
      );
      world.expect(succeeded(calls).length === calls.length, 'a new access token was refused');
    },
  );
};
