/**
 * R13: five processes share one stored credential and refresh it with stale copies, on two replicas at once. Then
 * somebody else comes with an old copy: too late, or after its successor was used.
 */
import { startRedis } from '../../support/redis.ts';
import type { Reply, Session } from '../support/fault-client.ts';
import { latencies, ofOperation, quantile, refusedWith } from '../support/figures.ts';
import { signInMany, sleep } from '../support/honest-client.ts';
import { inWorld, type Scenario, type World } from '../support/scenario.ts';

const processes = 5;
const scales = {
  short: { families: 10, rounds: 4, spreadMilliseconds: 60, stolen: 10, windowSeconds: 5 },
  full: { families: 100, rounds: 100, spreadMilliseconds: 500, stolen: 100, windowSeconds: 30 },
} as const;

export const refreshRace: Scenario = async (run) => {
  const redis = await startRedis();
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R13',
      run,
      replicas: 2,
      store: () => ({ REDIS_URL: `redis://127.0.0.1:${redis.port}/0` }),
      // Five processes, a hundred rounds within minutes: more than an honest hour has.
      env: { REFRESH_RACE_GRACE_SEC: String(scale.windowSeconds), RATE_LIMIT_ENABLED: 'false' },
    },
    async (world) => {
      world.onEnd(() => redis.dispose());
      const { client, cluster, random, recorder } = world;
      const families = await signInMany({ client, random, replicas: cluster.replicas }, scale.families);
      const before = recorder.answers.length;
      const ends = await Promise.all(
        families.map((family) => race(world, family, scale.rounds, scale.spreadMilliseconds)),
      );
      const raced = recorder.answers.slice(before);
      const lost = ends.filter((end) => end.lost).length;
      world.note({
        rounds: scale.families * scale.rounds,
        'families lost': lost,
        'told to try again': refusedWith(raced, 503).length,
        ...latencies('refresh', ofOperation(raced, 'refresh')),
      });
      world.expect(lost === 0, `${lost} families were lost to processes that share a credential`);
      await steal(
        world,
        families.slice(0, scale.stolen),
        ends.map(({ spent }) => spent),
        scale.windowSeconds,
      );
    },
  );
};

interface Raced {
  /** The generation before the present one. */
  readonly spent: string;
  readonly lost: boolean;
}

/** Round after round, all processes present the same token; the next round begins with what they all got. */
async function race(world: World, family: Session, rounds: number, spread: number): Promise<Raced> {
  const { random } = world;
  let present = family.refreshToken;
  let spent = present;
  for (let round = 0; round < rounds; round += 1) {
    const copies = Array.from({ length: processes }, async () => {
      await sleep(random.next() * spread);
      return stealUntilAnswered(world, family, present);
    });
    const got = await Promise.all(copies);
    const [tokens] = got.filter((each) => each !== undefined);
    if (tokens === undefined || got.includes(undefined)) return { spent, lost: true };
    spent = present;
    present = tokens.refreshToken;
    family.accessToken = tokens.accessToken;
  }
  family.refreshToken = present;
  return { spent, lost: false };
}

/** Tries again after 503, as every client has to; undefined for any other refusal. */
async function stealUntilAnswered(
  { client, cluster, random }: World,
  family: Session,
  token: string,
): Promise<Reply['tokens']> {
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const { answer, tokens } = await client.steal(random.pick(cluster.replicas), family, token);
    if (answer.result.outcome === 'success') return tokens;
    if (answer.result.outcome === 'refused' && answer.result.status !== 503) return undefined;
    await sleep(100);
  }
  return undefined;
}

/** Half of the thieves come when the window is over, half after the successor was used. */
async function steal(
  world: World,
  families: readonly Session[],
  spent: readonly string[],
  windowSeconds: number,
): Promise<void> {
  const { client, cluster, random } = world;
  const [first, second = first] = cluster.replicas;
  const used = families.filter((_, index) => index % 2 === 0);
  for (const family of used) await client.refresh(random.pick(cluster.replicas), family);
  await sleep(windowSeconds * 1000 + 500);
  let detected = 0;
  let dead = 0;
  const untilDead: number[] = [];
  for (const [index, family] of families.entries()) {
    const { answer } = await client.steal(first, family, spent[index] ?? '');
    const { result } = answer;
    if (result.outcome === 'refused' && result.errorCode === 'refresh_reuse_detected') detected += 1;
    const milliseconds = await untilRefused(world, family, second, answer.endedAt);
    if (milliseconds !== undefined) dead += 1;
    untilDead.push(milliseconds ?? Infinity);
    await client.refresh(second, family);
  }
  world.note({
    thefts: families.length,
    'thefts detected': detected,
    'access token dead p50 ms': quantile(untilDead, 0.5),
    'access token dead worst ms': quantile(untilDead, 1),
  });
  world.expect(detected === families.length, 'a theft was not noticed');
  world.expect(dead === families.length, 'an access token outlived the theft of its grant');
}

/** How long the other replica still lets the access token pass; undefined when it never stops. */
async function untilRefused(
  { client }: World,
  family: Session,
  replica: World['cluster']['replicas'][0],
  since: number,
): Promise<number | undefined> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const { result, endedAt } = await client.call(replica, family);
    if (result.outcome === 'refused' && result.status === 401) return endedAt - since;
    await sleep(20);
  }
  return undefined;
}
