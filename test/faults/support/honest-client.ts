import { eventually } from '../../support/redis.ts';
import type { FaultClient, Replica, Session } from './fault-client.ts';
import type { SeededRandom } from './seeded-random.ts';

/** A client that does what the specifications ask: it tries again after 503 and after silence, with the same token. */
export interface HonestLife {
  readonly session: Session;
  /** The error code that ended it, when one did: a login lost. */
  lostTo: string | undefined;
}

export interface HonestLoadDeps {
  readonly client: FaultClient;
  readonly random: SeededRandom;
  readonly replicas: readonly Replica[];
}

/** Many honest clients at work; stop them and they finish what they began. */
export interface HonestLoad {
  readonly lives: readonly HonestLife[];
  /** Resolves when nobody is under way any more. */
  stop(): Promise<void>;
  /** Those that were told to log in again. */
  lost(): readonly HonestLife[];
}

export interface HonestPace {
  /** From one refresh of a session to its next, on average; undefined: it never refreshes. */
  readonly refreshMilliseconds?: number;
  /** The same for calls of the MCP server. */
  readonly callMilliseconds?: number;
}

/** Everybody at a pace of their own, on any replica. */
export function startHonestLoad(
  deps: HonestLoadDeps,
  sessions: readonly Session[],
  pace: HonestPace,
): HonestLoad {
  const { client, random, replicas } = deps;
  const lives = sessions.map((session): HonestLife => ({ session, lostTo: undefined }));
  const stopping = new AbortController();
  const wakeUps = new Set<() => void>();

  async function pause(average: number): Promise<void> {
    if (stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        wakeUps.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, average * (0.5 + random.next()));
      wakeUps.add(wake);
    });
  }

  async function repeat(average: number | undefined, step: () => Promise<boolean>): Promise<void> {
    if (average === undefined) return;
    // Nobody begins at the same moment.
    await pause(average * random.next());
    while (!stopping.signal.aborted && (await step())) await pause(average);
  }

  async function refreshOnce(life: HonestLife): Promise<boolean> {
    const { answer } = await client.refresh(random.pick(replicas), life.session);
    const { result } = answer;
    if (result.outcome === 'refused' && result.status !== 503) life.lostTo = nameRefusal(result);
    return life.lostTo === undefined;
  }

  const works = lives.flatMap((life) => [
    repeat(pace.refreshMilliseconds, () => refreshOnce(life)),
    repeat(pace.callMilliseconds, async () => {
      await client.call(random.pick(replicas), life.session);
      return true;
    }),
  ]);
  return {
    lives,
    lost: () => lives.filter(({ lostTo }) => lostTo !== undefined),
    async stop() {
      stopping.abort();
      for (const wake of wakeUps) wake();
      await Promise.all(works);
    },
  };
}

function nameRefusal({
  status,
  errorCode,
  error,
}: {
  status: number;
  errorCode?: string;
  error?: string;
}): string {
  return `${status} ${errorCode ?? error ?? ''}`.trim();
}

const patienceMilliseconds = 30_000;
const retryMilliseconds = 250;

/** As a client does it: again and again with the same token, until there is an answer that counts. */
export async function refreshUntilServed(
  client: FaultClient,
  replica: Replica,
  session: Session,
): Promise<boolean> {
  const end = performance.now() + patienceMilliseconds;
  while (performance.now() < end) {
    const { answer } = await client.refresh(replica, session);
    if (answer.result.outcome === 'success') return true;
    if (answer.result.outcome === 'refused' && answer.result.status !== 503) return false;
    await sleep(retryMilliseconds);
  }
  return false;
}

/** Signs in many, a few at a time, everywhere. */
export async function signInMany(deps: HonestLoadDeps, count: number): Promise<Session[]> {
  return aFewAtATime(deps, count, (replica) => deps.client.signIn(replica));
}

/** Logs many in up to their codes, a few at a time, everywhere. */
export async function obtainCodes(deps: HonestLoadDeps, count: number): Promise<Session[]> {
  return aFewAtATime(deps, count, (replica) => deps.client.obtainCode(replica));
}

const atOnce = 8;

async function aFewAtATime(
  { random, replicas }: HonestLoadDeps,
  count: number,
  begin: (replica: Replica) => Promise<Session>,
): Promise<Session[]> {
  const sessions: Session[] = [];
  while (sessions.length < count) {
    const batch = Array.from({ length: Math.min(atOnce, count - sessions.length) }, () =>
      // A person tries again, too.
      eventually(() => begin(random.pick(replicas)), patienceMilliseconds),
    );
    sessions.push(...(await Promise.all(batch)));
  }
  return sessions;
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
