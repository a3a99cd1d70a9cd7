import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import type { Store } from '../../platform/store/store.ts';
import { grantKey, parseGrantRecord } from './grant-record.ts';

/**
 * The last rotations that the store acknowledged to this process, done again when the store forgot them. Otherwise a
 * spent refresh token is good once more, and whoever holds its successor loses the login. What is older than a minute is
 * left to that: a failover loses seconds, and a restored copy hours.
 */
export interface RotationJournal {
  /** The store, with an eye on what becomes of grants. */
  readonly store: Store;
  /** The store's memory begins anew: sweeps do the rotations again for a while. */
  putBack(): void;
  /** Never rejects. */
  sweep(): Promise<void>;
  close(): void;
}

/** `next` is what the record under `key` became when generation `spent` was. */
interface Rotated {
  readonly key: string;
  readonly spent: string;
  readonly next: string;
  readonly expiresAt: EpochSeconds;
}

export interface RotationJournalDeps {
  readonly store: Store;
  readonly clock: Clock;
}

const sweepMilliseconds = 1_000;
const keepMilliseconds = 60_000;
/** Long enough for what another process puts back first: a grant may have rotated here and there in turn. */
const putBackMilliseconds = 10_000;
/** About ten megabytes. Of more, the last ones. */
const mostKept = 5_000;
/** Refreshes must not wait behind this. */
const atOnce = 8;

export function createRotationJournal(deps: RotationJournalDeps): RotationJournal {
  const { store, clock } = deps;
  /** When each was done; the oldest first. */
  const kept = new Map<Rotated, number>();
  let putBackUntilMs = -Infinity;
  let sweeping: Promise<void> | undefined;

  async function replace(
    key: string,
    expected: string,
    next: string,
    expiresAt: EpochSeconds,
  ): Promise<boolean> {
    const isDone = await store.replace(key, expected, next, expiresAt);
    if (!isDone || !key.startsWith(grantKey(''))) return isDone;
    const spent = findCurrent(expected);
    const successor = findCurrent(next);
    if (spent === undefined || successor === undefined || spent === successor) return isDone;
    kept.set({ key, spent, next, expiresAt }, clock.nowMilliseconds());
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    return isDone;
  }

  /** Where a generation that was spent is the current one, the record is an older copy, whatever else it says. */
  async function doAgain({ key, spent, next, expiresAt }: Rotated): Promise<void> {
    const present = await store.get(key);
    if (present === undefined || findCurrent(present) !== spent) return;
    await store.replace(key, present, next, expiresAt);
  }

  async function sweepAll(): Promise<void> {
    const now = clock.nowMilliseconds();
    if (now >= putBackUntilMs) {
      for (const [rotation, atMs] of kept) if (now - atMs > keepMilliseconds) kept.delete(rotation);
      return;
    }
    const rotations = kept.keys();
    const work = async (): Promise<void> => {
      for (const rotation of rotations) await doAgain(rotation);
    };
    const workers = await Promise.allSettled(Array.from({ length: atOnce }, work));
    const failed = workers.some(({ status }) => status === 'rejected');
    if (failed) putBackUntilMs = clock.nowMilliseconds() + putBackMilliseconds;
  }

  function sweep(): Promise<void> {
    sweeping ??= sweepAll().finally(() => {
      sweeping = undefined;
    });
    return sweeping;
  }

  const timer = setInterval(() => void sweep(), sweepMilliseconds);
  timer.unref();

  return {
    store: { ...store, replace },
    putBack() {
      putBackUntilMs = clock.nowMilliseconds() + putBackMilliseconds;
      void sweep();
    },
    sweep,
    close() {
      clearInterval(timer);
      kept.clear();
    },
  };
}

/** The generation that may rotate; undefined where none may. */
function findCurrent(text: string): string | undefined {
  try {
    const record = parseGrantRecord(text);
    return record.stage === 'active' ? record.current : undefined;
  } catch {
    // Damaged: whoever needs the record says so.
    return undefined;
  }
}
