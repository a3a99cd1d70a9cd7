/**
 * R2: Redis answers late, some of what goes to it is lost, it accepts and never answers, and it stands still. All of
 * it comes over a relay, so that the server itself is well.
 */
import { startRedis } from '../../support/redis.ts';
import {
  between,
  firstSuccessAfter,
  latencies,
  ofOperation,
  refusedWith,
  succeeded,
} from '../support/figures.ts';
import { signInMany, sleep, startHonestLoad } from '../support/honest-client.ts';
import { inWorld, type Scenario } from '../support/scenario.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { startTcpRelay, type Weather } from '../support/tcp-relay.ts';
import { durations, namesOf } from './redis-killed.ts';

const scales = {
  short: { sessions: 16, refreshMilliseconds: 1_200, callMilliseconds: 200, each: 2_000 },
  full: { sessions: 100, refreshMilliseconds: 2_000, callMilliseconds: 400, each: 15_000 },
} as const;

interface Spell {
  readonly name: string;
  readonly weather: Weather | 'stopped';
  /** Whether nothing at all comes through. */
  readonly deadly?: boolean;
}

/** Delays are each way: a round trip takes twice as long. */
const spells: readonly Spell[] = [
  { name: '200 ms', weather: { kind: 'delay', milliseconds: 100 } },
  { name: '1 s', weather: { kind: 'delay', milliseconds: 500 } },
  { name: '10 s', weather: { kind: 'delay', milliseconds: 5_000 } },
  { name: '30 % loss', weather: { kind: 'loss', percent: 30 } },
  { name: 'no answer', weather: { kind: 'hang' }, deadly: true },
  { name: 'SIGSTOP', weather: 'stopped', deadly: true },
];

const recoveryMilliseconds = 3_000;

export const redisSlow: Scenario = async (run) => {
  const redis = await startRedis();
  const relay = await startTcpRelay(() => redis.port, createSeededRandom(run.seed));
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R2',
      run,
      replicas: 2,
      store: () => ({ REDIS_URL: `redis://127.0.0.1:${relay.port}/0` }),
    },
    async (world) => {
      world.onEnd(() => redis.dispose());
      world.onEnd(() => relay.close());
      const { client, cluster, random, recorder } = world;
      const deps = { client, random, replicas: cluster.replicas };
      const load = startHonestLoad(deps, await signInMany(deps, scale.sessions), scale);
      const calmFrom = performance.now();
      await sleep(2_000);
      const calm = ofOperation(between(recorder.answers, calmFrom, performance.now()), 'call');
      world.note({ 'call p99 in calm ms': durations(calm, 0.99) });

      for (const { name, weather, deadly = false } of spells) {
        const from = performance.now();
        if (weather === 'stopped') redis.pause();
        else relay.set(weather);
        const endOutage = deadly ? recorder.beginOutage() : () => undefined;
        await sleep(scale.each);
        endOutage();
        redis.resume();
        relay.set({ kind: 'clear' });
        const cleared = performance.now();
        await sleep(recoveryMilliseconds);

        const during = between(recorder.answers, from, cleared);
        const tokens = ofOperation(during, 'refresh');
        const calls = ofOperation(during, 'call');
        const after = ofOperation(recorder.answers, 'refresh');
        world.note({
          [`${name}: refreshed`]: succeeded(tokens).length,
          [`${name}: 503`]: refusedWith(tokens, 503).length,
          ...latencies(`${name}: refresh`, tokens),
          [`${name}: call p99 ms`]: durations(calls, 0.99),
          [`${name}: recovered after ms`]: firstSuccessAfter(after, cleared) ?? Infinity,
        });
        world.expect(succeeded(calls).length === calls.length, `${name}: a call failed`);
        world.expect(firstSuccessAfter(after, cleared) !== undefined, `${name}: no recovery`);
      }
      await load.stop();
      world.note({ 'sessions lost': load.lost().length, 'sockets at most': relay.mostConnections });
      world.expect(load.lost().length === 0, `logins were lost to ${namesOf(load.lost())}`);
      // Two a replica, and those that are being given up while the next are made.
      world.expect(relay.mostConnections <= 4 * cluster.replicas.length, 'sockets pile up');
    },
  );
};
