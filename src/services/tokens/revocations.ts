import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import type { Store } from '../../platform/store/store.ts';
import { accessTokenTtlSeconds } from './access-token.ts';

/**
 * The grants whose access tokens are dead before their time. Held in memory, since admission asks on every call;
 * fed by a store feed that every process and every restart reads.
 */
export interface Revocations {
  isRevoked(grantId: string): boolean;
  /** Resolves when the feed has it; this process refuses from the moment of the call. */
  revoke(grantId: string): Promise<void>;
  /** Reads what the feed has got since the last time. */
  refresh(): Promise<void>;
  close(): void;
}

const feed = 'revocations';
const pollMilliseconds = 2_000;
/** Live access tokens can outlast the revocation by this much at most. */
const keepSeconds = accessTokenTtlSeconds + 60;

export interface RevocationsDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** Told when a poll failed; the list then stays as it was. */
  readonly onError: (error: unknown) => void;
}

export function createRevocations(deps: RevocationsDeps): Revocations {
  const revoked = new Map<string, EpochSeconds>();
  let cursor = '';
  let reading: Promise<void> | undefined;
  let readingAgain: Promise<void> | undefined;

  async function readFeed(): Promise<void> {
    const page = await deps.store.read(feed, cursor);
    cursor = page.cursor;
    const now = deps.clock.nowSeconds();
    for (const grantId of page.entries) revoked.set(grantId, now + keepSeconds);
    for (const [grantId, until] of revoked) if (until <= now) revoked.delete(grantId);
  }

  function refresh(): Promise<void> {
    if (reading === undefined) {
      reading = readFeed().finally(() => {
        reading = undefined;
      });
      return reading;
    }
    // The reading under way may have looked before the newest entry came: one more follows, for all who ask now.
    readingAgain ??= reading
      .catch(() => {})
      .then(() => {
        readingAgain = undefined;
        return refresh();
      });
    return readingAgain;
  }

  const wake = (): void => {
    refresh().catch(deps.onError);
  };
  const unwatch = deps.store.watch(feed, wake);
  const poll = setInterval(wake, pollMilliseconds);
  poll.unref();

  return {
    isRevoked: (grantId) => revoked.has(grantId),
    async revoke(grantId) {
      const until = deps.clock.nowSeconds() + keepSeconds;
      revoked.set(grantId, until);
      await deps.store.append(feed, grantId, until);
    },
    refresh,
    close() {
      unwatch();
      clearInterval(poll);
    },
  };
}
