import { extendRun, isLasting, noFailures } from './failure-run.ts';
import { withDeadline } from './redis-client.ts';
import { describeRedisFailure, isTrouble } from './redis-failure.ts';
import { StoreError } from './store.ts';

/** All in milliseconds. */
export interface RedisDeadlines {
  /** For one attempt. */
  readonly attempt: number;
  /** For an operation, its repetition and the pause between them. */
  readonly operation: number;
  /** How long a circuit stays open before one operation may try. */
  readonly probe: number;
}

export const defaultDeadlines: RedisDeadlines = { attempt: 250, operation: 1_000, probe: 500 };

export interface RedisGuardDeps {
  readonly deadlines: RedisDeadlines;
  readonly jitter: () => number;
  /** Milliseconds that never go back; not the time of day. */
  readonly monotonic: () => number;
  readonly onLatency: (operation: string, seconds: number, outcome: 'ok' | 'failed') => void;
  readonly onCircuit: (state: 'opened' | 'closed') => void;
  /** Called when answers stay out: the connection is of no use any more. */
  readonly onSilence: () => void;
}

/** Keeps the trouble of a server from becoming the trouble of whoever asks it. */
export interface RedisGuard {
  /**
   * Tries, and once more when the first attempt failed without an answer or for a reason that passes. `attempt` must
   * be safe to repeat, also when the first one was applied and only its answer lost.
   * @throws StoreError
   */
  run<Result>(operation: string, attempt: () => Promise<Result>): Promise<Result>;
  /** A new connection is there: the next operation may try at once. */
  recover(): void;
}

/** When the circuit opens: longer than any stall that one repetition outlasts. In deadlines of an attempt. */
const failuresUntilOpen = { count: 5, attempts: 2 };
/** When the connection is given up: after a silence that its repetition met, too. */
const silencesUntilReset = { count: 2, attempts: 1 };
/** Operations under way; past it new ones are refused. */
const maxUnderWay = 4_096;

export function createRedisGuard(deps: RedisGuardDeps): RedisGuard {
  const { deadlines } = deps;
  let failures = noFailures;
  let silences = noFailures;
  let underWay = 0;
  /** When an open circuit lets one operation through. Undefined: closed. */
  let probeAt: number | undefined;

  function admit(operation: string): void {
    if (underWay >= maxUnderWay) throw new StoreError(operation, undefined, 'too many operations under way');
    if (probeAt === undefined) return;
    const now = deps.monotonic();
    if (now < probeAt) throw new StoreError(operation, undefined, 'Redis does not answer');
    // Half open: this one tries; the others go on failing at once until it is back.
    probeAt = now + deadlines.probe;
  }

  function noteAnswer(): void {
    failures = noFailures;
    silences = noFailures;
    if (probeAt === undefined) return;
    probeAt = undefined;
    deps.onCircuit('closed');
  }

  function noteTrouble(silent: boolean): void {
    const now = deps.monotonic();
    const least = ({ count, attempts }: { readonly count: number; readonly attempts: number }) => ({
      count,
      milliseconds: attempts * deadlines.attempt,
    });
    failures = extendRun(failures, now);
    silences = silent ? extendRun(silences, now) : noFailures;
    if (isLasting(silences, now, least(silencesUntilReset))) {
      silences = noFailures;
      deps.onSilence();
    }
    if (probeAt !== undefined || !isLasting(failures, now, least(failuresUntilOpen))) return;
    probeAt = now + deadlines.probe;
    deps.onCircuit('opened');
  }

  async function tryOnce<Result>(attempt: () => Promise<Result>, milliseconds: number): Promise<Result> {
    let answered = false;
    const tracked = attempt().finally(() => {
      answered = true;
    });
    try {
      const result = await withDeadline(tracked, milliseconds);
      noteAnswer();
      return result;
    } catch (error) {
      if (isTrouble(error)) noteTrouble(!answered);
      else noteAnswer();
      throw error;
    }
  }

  async function tryTwice<Result>(operation: string, attempt: () => Promise<Result>): Promise<Result> {
    const end = deps.monotonic() + deadlines.operation;
    try {
      return await tryOnce(attempt, deadlines.attempt);
    } catch (error) {
      if (!isTrouble(error)) throw error;
    }
    // Long enough for a connection that broke to be back, short enough for the caller.
    await new Promise((resolve) => setTimeout(resolve, deadlines.attempt * (0.2 + 0.2 * deps.jitter())));
    admit(operation);
    return tryOnce(attempt, Math.max(1, Math.min(deadlines.attempt, end - deps.monotonic())));
  }

  return {
    async run(operation, attempt) {
      const began = deps.monotonic();
      const tell = (outcome: 'ok' | 'failed'): void =>
        deps.onLatency(operation, (deps.monotonic() - began) / 1000, outcome);
      admit(operation);
      underWay += 1;
      try {
        const result = await tryTwice(operation, attempt);
        tell('ok');
        return result;
      } catch (error) {
        tell('failed');
        if (error instanceof StoreError) throw error;
        throw new StoreError(operation, error, describeRedisFailure(error));
      } finally {
        underWay -= 1;
      }
    },
    recover() {
      if (probeAt !== undefined) probeAt = deps.monotonic();
    },
  };
}
