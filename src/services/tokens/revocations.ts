import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import { followFeed } from '../../platform/store/feed-follower.ts';
import type { Store } from '../../platform/store/store.ts';
import { accessTokenTtlSeconds } from './access-token.ts';
import { type CutOff, formatCutOff, type JudgedGrant, parseCutOff, untilNow } from './cut-off.ts';
import { createCutOffIndex, type HeldCutOff } from './cut-off-index.ts';

/**
 * What was ended before its time. Held in memory, since admission asks on every call; fed by a store feed that every
 * process and every restart reads. What the store forgets of it, those who know it put back.
 */
export interface Revocations {
  /** Whether a grant, or the access token of one, was cut off. Asks nobody. */
  judge(grant: JudgedGrant): boolean;
  /** Whether this very grant was ended, whatever else was cut off. */
  isRevoked(grantId: string): boolean;
  /**
   * Resolves when the feed has it; this process refuses from the moment of the call. What the store did not take is
   * appended again with the next readings, as long as this process lives: whoever was told that it failed may try again.
   */
  cutOff(cutOff: CutOff): Promise<void>;
  /** Ends one grant: as `cutOff`. */
  revoke(grantId: string): Promise<void>;
  /**
   * Calls `listener` after cut-offs came, with the moment the oldest of them was made, in milliseconds. Returns "stop".
   */
  onCutOff(listener: (madeAtMs: number) => void): () => void;
  /** Reads what the feed has got since the last time. */
  refresh(): Promise<void>;
  close(): void;
}

const feed = 'revocations';
/** Live access tokens can outlast the revocation of their grant by this much at most. */
const keepGrantSeconds = accessTokenTtlSeconds + 60;
const longestGrantLifetimeSeconds = 365 * 86_400;
/** Cut-offs that wait for the store; of more, who asked is told of the failure, and that is all. */
const mostUnsent = 10_000;
/** Appended again with one reading: what others ended must not wait for long. */
const sentAgainAtOnce = 100;

export interface RevocationsDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** No grant lives longer. Default: the most that can be configured. */
  readonly grantLifetimeSeconds?: number;
  /** Told when the store's memory has begun anew. */
  readonly onLoss?: () => void;
  /** Told when a poll failed, or an entry says nothing that is known here; the list then stays as it was. */
  readonly onError: (error: unknown) => void;
}

interface UnsentCutOff {
  readonly before: EpochSeconds;
  readonly entry: string;
  readonly until: EpochSeconds;
}

export function createRevocations(deps: RevocationsDeps): Revocations {
  const { store, clock } = deps;
  const grantLifetimeSeconds = deps.grantLifetimeSeconds ?? longestGrantLifetimeSeconds;
  const index = createCutOffIndex({ grantLifetimeSeconds });
  const listeners = new Set<(madeAtMs: number) => void>();

  /** What the store did not take, by what it ends. */
  const unsent = new Map<string, UnsentCutOff>();

  const follower = followFeed<HeldCutOff>({
    store: {
      watch: (...watched) => store.watch(...watched),
      async read(...page) {
        const entries = await store.read(...page);
        await sendAgain();
        return entries;
      },
    },
    feed,
    clock,
    forget: (now) => index.forget(now),
    onError: deps.onError,
    take(entries) {
      let oldestMs = clock.nowMilliseconds();
      for (const text of entries) {
        const entry = parseCutOff(text);
        if (entry === undefined)
          deps.onError(new TypeError('an entry of the revocation feed is unknown here'));
        else index.add(entry.cutOff, grantEnd(entry.madeAtMs));
        oldestMs = Math.min(oldestMs, entry?.madeAtMs ?? oldestMs);
      }
      if (entries.length > 0) tell(oldestMs);
    },
    compare() {
      deps.onLoss?.();
      const present = createCutOffIndex({ grantLifetimeSeconds });
      return {
        note(entries) {
          for (const text of entries) {
            const entry = parseCutOff(text);
            if (entry !== undefined) present.add(entry.cutOff, grantEnd(entry.madeAtMs));
          }
        },
        *missing() {
          for (const held of index.live(clock.nowSeconds())) if (!present.includes(held)) yield held;
        },
        put: ({ cutOff: what, end }) => store.append(feed, formatCutOff(what, madeAt(what, end)), end),
      };
    },
  });

  function grantEnd(madeAtMs: number | undefined): EpochSeconds {
    const madeAtSeconds = madeAtMs === undefined ? clock.nowSeconds() : Math.floor(madeAtMs / 1000);
    return madeAtSeconds + keepGrantSeconds;
  }

  /** As nearly as it is still known, and for one grant exactly: its end follows from it. */
  function madeAt({ kind, before }: CutOff, end: EpochSeconds): number {
    const seconds = kind === 'grant' ? end - keepGrantSeconds : before;
    return Math.min(seconds * 1000, clock.nowMilliseconds());
  }

  function tell(madeAtMs: number): void {
    for (const listener of listeners) listener(madeAtMs);
  }

  async function cutOff(what: CutOff): Promise<void> {
    const now = clock.nowSeconds();
    const madeAtMs = clock.nowMilliseconds();
    index.add(what, now + keepGrantSeconds);
    tell(madeAtMs);
    const life = Math.max(what.before, now) + grantLifetimeSeconds;
    const until = what.kind === 'grant' ? now + keepGrantSeconds : life;
    const entry = formatCutOff(what, madeAtMs);
    const ends = `${what.kind} ${what.key}`;
    // Whoever comes again ends what was left waiting, too.
    if ((unsent.get(ends)?.before ?? Infinity) <= what.before) unsent.delete(ends);
    try {
      await store.append(feed, entry, until);
    } catch (error) {
      const { before } = what;
      // One that waits still reaches further.
      if (unsent.size < mostUnsent && !unsent.has(ends)) unsent.set(ends, { before, entry, until });
      throw error;
    }
  }

  /** After a reading, since the store answers then. Twice in the feed counts as once. */
  async function sendAgain(): Promise<void> {
    if (unsent.size === 0) return;
    const waiting = [...unsent].slice(0, sentAgainAtOnce);
    for (const [ends, one] of waiting) {
      try {
        if (one.until > clock.nowSeconds()) await store.append(feed, one.entry, one.until);
      } catch (error) {
        deps.onError(error);
        return;
      }
      if (unsent.get(ends) === one) unsent.delete(ends);
    }
  }

  return {
    judge: (grant) => index.covers(grant, clock.nowSeconds()),
    isRevoked: (grantId) => index.hasGrant(grantId),
    cutOff,
    revoke: (grantId) => cutOff({ kind: 'grant', key: grantId, before: untilNow(clock.nowSeconds()) }),
    onCutOff(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    refresh: () => follower.refresh(),
    close: () => follower.close(),
  };
}
