import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import type { Store } from '../../platform/store/store.ts';
import { planTidying, tidyAfterMilliseconds } from './grant-plan.ts';
import { formatGrantRecord, grantKey, parseGrantRecord } from './grant-record.ts';

/**
 * Takes the successor out of a grant's record when nobody can get it again. It is four fifths of the record, and is
 * needed for half a minute of an hour: without it, a million grants fit into a third of the memory. What may be done
 * with a token stays the same, so that nothing depends on it: what a crash leaves behind goes with the next rotation.
 */
export interface GrantTidying {
  /** A grant's refresh token has rotated. */
  rotated(grantId: string, absoluteEnd: EpochSeconds): void;
  /** Tidies the records whose time has come. Never rejects. */
  sweep(): Promise<void>;
  close(): void;
}

export interface GrantTidyingDeps {
  readonly store: Pick<Store, 'get' | 'replace'>;
  readonly clock: Clock;
  readonly refreshWindowSeconds: number;
}

interface Waiting {
  readonly grantId: string;
  readonly absoluteEnd: EpochSeconds;
  readonly dueMs: number;
}

const sweepMilliseconds = 1_000;
/**
 * A minute of more refreshes than one process can answer at its busiest; about fifteen megabytes. A record that is not
 * taken in stays as it is until its next rotation.
 */
const mostWaiting = 100_000;
/** Refreshes must not wait behind tidying. */
const atOnce = 8;

export function createGrantTidying(deps: GrantTidyingDeps): GrantTidying {
  const { store, clock, refreshWindowSeconds } = deps;
  // In the order of their time: all wait equally long.
  let waiting = new Set<Waiting>();
  let sweeping: Promise<void> | undefined;

  async function sweepDue(): Promise<void> {
    const now = clock.nowMilliseconds();
    const due = waiting.values();
    let failed = false;
    const work = async (): Promise<void> => {
      for (const one of due) {
        if (failed || one.dueMs > now) return;
        waiting.delete(one);
        await tidy(one);
      }
    };
    const workers = Array.from({ length: atOnce }, () =>
      work().catch(() => {
        // The store is in trouble, or the record damaged: neither is to be made worse. The others wait.
        failed = true;
      }),
    );
    await Promise.all(workers);
  }

  async function tidy({ grantId, absoluteEnd }: Waiting): Promise<void> {
    const key = grantKey(grantId);
    const present = await store.get(key);
    if (present === undefined) return;
    const next = planTidying(parseGrantRecord(present), clock.nowMilliseconds(), refreshWindowSeconds);
    // Lost: the record has changed, and whoever changed it has its own turn.
    if (next !== undefined) await store.replace(key, present, formatGrantRecord(next), absoluteEnd);
  }

  function sweep(): Promise<void> {
    sweeping ??= sweepDue().finally(() => {
      sweeping = undefined;
    });
    return sweeping;
  }

  const timer = setInterval(() => void sweep(), sweepMilliseconds);
  timer.unref();

  return {
    rotated(grantId, absoluteEnd) {
      if (waiting.size >= mostWaiting) return;
      const dueMs = clock.nowMilliseconds() + tidyAfterMilliseconds(refreshWindowSeconds);
      waiting.add({ grantId, absoluteEnd, dueMs });
    },
    sweep,
    close() {
      clearInterval(timer);
      waiting = new Set();
    },
  };
}
