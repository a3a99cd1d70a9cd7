/**
 * R11: a replica is killed at random moments, while clients exchange codes, refresh, register and revoke. Who got no
 * answer asks again, at the other replica.
 */
import { startRedis } from '../../support/redis.ts';
import type { Session } from '../support/fault-client.ts';
import { ofOperation, refusedWith } from '../support/figures.ts';
import type { GatehouseProcess } from '../support/gatehouse-process.ts';
import { refreshUntilServed, signInMany, sleep } from '../support/honest-client.ts';
import { inWorld, type Scenario, type World } from '../support/scenario.ts';

const scales = {
  short: { kills: 6, sessions: 12, codes: 4 },
  full: { kills: 200, sessions: 50, codes: 4 },
} as const;
/** What a busy replica needs for the requests of one round: the moment of death lies somewhere within. */
const roundMilliseconds = 60;

interface Tally {
  lostLogins: number;
  sessionsLost: number;
  registrationsLost: number;
  revocationsLost: number;
}

export const replicaKilled: Scenario = async (run) => {
  const redis = await startRedis();
  const scale = scales[run.scale];
  return inWorld(
    {
      name: 'R11',
      run,
      replicas: 2,
      store: () => ({ REDIS_URL: `redis://127.0.0.1:${redis.port}/0` }),
      env: { REFRESH_RACE_GRACE_SEC: '600', RATE_LIMIT_ENABLED: 'false' },
    },
    async (world) => {
      world.onEnd(() => redis.dispose());
      const { client, cluster, random, recorder } = world;
      const sessions = await signInMany({ client, random, replicas: cluster.replicas }, scale.sessions);
      const tally = { lostLogins: 0, sessionsLost: 0, registrationsLost: 0, revocationsLost: 0 };
      const restarts: number[] = [];
      for (let round = 0; round < scale.kills; round += 1) {
        const pending = await obtainCodes(world, scale.codes);
        const victim = random.pick(cluster.replicas);
        const work = doEverything(world, victim, sessions, pending, tally);
        await sleep(random.next() * roundMilliseconds);
        await victim.kill();
        restarts.push(await victim.start());
        await work;
      }
      const refreshes = ofOperation(recorder.answers, 'refresh');
      world.note({
        kills: scale.kills,
        refreshes: refreshes.length,
        'answers lost': recorder.answers.filter(({ result }) => result.outcome === 'lost').length,
        'refresh answers lost': refreshes.filter(({ result }) => result.outcome === 'lost').length,
        'refreshes told to try again': refusedWith(refreshes, 503).length,
        'logins to repeat': tally.lostLogins,
        'sessions lost': tally.sessionsLost,
        'restart worst ms': Math.max(...restarts),
      });
      world.expect(tally.sessionsLost === 0, `${tally.sessionsLost} sessions were lost`);
      world.expect(tally.registrationsLost === 0, 'an acknowledged registration was forgotten');
      world.expect(tally.revocationsLost === 0, 'an acknowledged revocation was forgotten');
    },
  );
};

async function obtainCodes({ client, cluster }: World, count: number): Promise<Session[]> {
  return Promise.all(Array.from({ length: count }, () => client.obtainCode(cluster.replicas[0])));
}

/** One round of a replica's life, the end of it included. */
async function doEverything(
  world: World,
  victim: GatehouseProcess,
  sessions: readonly Session[],
  pending: readonly Session[],
  tally: Tally,
): Promise<void> {
  await Promise.all([
    ...pending.map((session, index) => logInAndOut(world, victim, session, index % 2 === 0, tally)),
    ...sessions.map((session) => refreshWithRetry(world, victim, session, tally)),
    register(world, victim, tally),
  ]);
}

async function logInAndOut(
  world: World,
  victim: GatehouseProcess,
  session: Session,
  leaves: boolean,
  tally: Tally,
): Promise<void> {
  const { client, random } = world;
  await sleep(random.next() * roundMilliseconds);
  const first = await client.redeem(victim, session);
  const got = first.tokens ?? (await client.redeem(other(world, victim), session)).tokens;
  // Its answer was lost with the replica: the code is spent, and the person logs in again.
  if (got === undefined) {
    tally.lostLogins += 1;
    return;
  }
  if (!leaves) return;
  const revoked = await client.revoke(victim, session);
  if (revoked.result.outcome !== 'success') return;
  const { tokens } = await client.refresh(other(world, victim), session);
  if (tokens !== undefined) tally.revocationsLost += 1;
}

async function refreshWithRetry(
  world: World,
  victim: GatehouseProcess,
  session: Session,
  tally: Tally,
): Promise<void> {
  const { client, random } = world;
  await sleep(random.next() * roundMilliseconds);
  const presented = session.refreshToken;
  const { answer, tokens } = await client.refresh(victim, session);
  if (tokens !== undefined) {
    // The answer came, and the client comes again all the same: it must be told the same.
    await client.steal(other(world, victim), session, presented);
    return;
  }
  const refused = answer.result.outcome === 'refused' && answer.result.status !== 503;
  const served = !refused && (await refreshUntilServed(client, other(world, victim), session));
  if (!served) tally.sessionsLost += 1;
}

async function register(world: World, victim: GatehouseProcess, tally: Tally): Promise<void> {
  const { client, random } = world;
  await sleep(random.next() * roundMilliseconds);
  const { clientId } = await client.register(victim, 'registers');
  if (clientId === undefined) return;
  if (!(await client.isKnown(other(world, victim), clientId))) tally.registrationsLost += 1;
}

function other({ cluster }: World, victim: GatehouseProcess): GatehouseProcess {
  return cluster.replicas.find(({ index }) => index !== victim.index) ?? victim;
}
