import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import type { Store } from '../../platform/store/store.ts';
import { formatGrantRecord, type GrantRecord, parseGrantRecord } from './grant-record.ts';
import type { GrantTerms } from './grant-terms.ts';
import type { RefreshToken } from './refresh-token.ts';
import type { Revocations } from './revocations.ts';

/** The successor of a refresh token: its generation and its sealed form. */
export interface Successor {
  readonly tokenId: string;
  readonly sealed: string;
}

export type Redemption = 'redeemed' | 'replayed' | 'revoked' | 'unknown';

export type Rotation =
  | { readonly outcome: 'rotated'; readonly sealed: string }
  /** The same token came again inside the window: here is the successor it got the first time. */
  | { readonly outcome: 'repeated'; readonly sealed: string }
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'revoked' }
  | { readonly outcome: 'unknown' };

/** Grants and what may still be done with them. Rejects with `StoreError` when the store cannot answer. */
export interface Grants {
  /** Records that a code for these terms is out; until `expiresAt` it can be redeemed, once. */
  open(terms: GrantTerms, expiresAt: EpochSeconds): Promise<void>;
  /** Redeems the grant's code in one atomic step: of any number of callers, one is told `redeemed`. */
  redeem(terms: GrantTerms, firstRefreshTokenId: string): Promise<Redemption>;
  /** Rotates a refresh token in one atomic step; `makeSuccessor` is called at most once per attempt. */
  rotate(token: RefreshToken, makeSuccessor: () => Successor): Promise<Rotation>;
  /** Ends the grant: refresh tokens at once, access tokens at every process that reads the revocation feed. */
  revoke(terms: GrantTerms, cause: string): Promise<void>;
}

export interface GrantsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly revocations: Revocations;
  /** How long a rotated refresh token still gets its successor. 0: every collision is reuse. */
  readonly refreshWindowSeconds: number;
}

const maxAttempts = 8;

export function createGrants(deps: GrantsDeps): Grants {
  const { store } = deps;

  async function revoke(terms: GrantTerms, cause: string): Promise<void> {
    // Feed first: should the second step fail, the access tokens are dead already and the refresh can be tried again.
    await deps.revocations.revoke(terms.grantId);
    const key = grantKey(terms.grantId);
    const revoked = formatGrantRecord({
      stage: 'revoked',
      subject: terms.subject,
      client: terms.client,
      cause,
    });
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const present = await store.get(key);
      if (present === undefined || isRevokedRecord(present)) return;
      if (await store.replace(key, present, revoked, terms.absoluteEnd)) return;
    }
    throw new Error('the grant changed on every attempt to revoke it');
  }

  return {
    revoke,
    async open(terms, expiresAt) {
      const pending = formatGrantRecord({ stage: 'pending', subject: terms.subject, client: terms.client });
      const written = await store.putIfAbsent(grantKey(terms.grantId), pending, expiresAt);
      // A code that leans on somebody else's record would let one grant be redeemed as another.
      if (!written) throw new Error('the grant id is taken, or its code is over already');
    },
    async redeem(terms, firstRefreshTokenId) {
      const key = grantKey(terms.grantId);
      const present = await store.get(key);
      if (present === undefined) return 'unknown';
      const record = parseGrantRecord(present);
      if (record.stage !== 'pending') return record.stage === 'active' ? 'replayed' : 'revoked';
      if (deps.revocations.judge(terms)) return 'revoked';
      const active: GrantRecord = {
        stage: 'active',
        subject: terms.subject,
        client: terms.client,
        current: firstRefreshTokenId,
      };
      // Losing this race means somebody else redeemed the same code: a replay, whoever was first.
      const won = await store.replace(key, present, formatGrantRecord(active), terms.absoluteEnd);
      return won ? 'redeemed' : 'replayed';
    },
    async rotate(token, makeSuccessor) {
      const key = grantKey(token.terms.grantId);
      for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
        const present = await store.get(key);
        if (present === undefined) return { outcome: 'unknown' };
        const record = parseGrantRecord(present);
        // Cut off with others, or by a revocation that broke off: both steps are done, before the feed forgets it.
        if (record.stage === 'active' && deps.revocations.judge(token.terms)) {
          const alone = deps.revocations.isRevoked(token.terms.grantId);
          await revoke(token.terms, alone ? 'interrupted' : 'cut_off');
          return { outcome: 'revoked' };
        }
        const step = planRotation(record, token, deps.clock, deps.refreshWindowSeconds);
        if (step !== 'rotate') return step;
        const successor = makeSuccessor();
        const next: GrantRecord = {
          stage: 'active',
          subject: token.terms.subject,
          client: token.terms.client,
          current: successor.tokenId,
          previous: {
            tokenId: token.tokenId,
            rotatedAtMs: deps.clock.nowMilliseconds(),
            successor: successor.sealed,
          },
        };
        if (await store.replace(key, present, formatGrantRecord(next), token.terms.absoluteEnd)) {
          return { outcome: 'rotated', sealed: successor.sealed };
        }
      }
      throw new Error('the grant changed on every attempt to rotate it');
    },
  };
}

/** What a refresh token may do, by its grant's record alone. Pure. */
function planRotation(
  record: GrantRecord,
  token: RefreshToken,
  clock: Clock,
  windowSeconds: number,
): 'rotate' | Rotation {
  switch (record.stage) {
    case 'pending':
      return { outcome: 'unknown' };
    case 'revoked':
      return { outcome: 'revoked' };
    case 'active': {
      if (record.current === token.tokenId) return 'rotate';
      const previous = record.previous;
      // Either way: another process's clock may be ahead, and one that was set back must not hold the window open.
      const age =
        previous === undefined ? Infinity : Math.abs(clock.nowMilliseconds() - previous.rotatedAtMs);
      // Only the generation right before: once the successor was used itself, the older token is reuse.
      const inWindow = previous?.tokenId === token.tokenId && age < windowSeconds * 1000;
      return inWindow ? { outcome: 'repeated', sealed: previous.successor } : { outcome: 'reused' };
    }
  }
}

/** A record that cannot be read counts as not revoked: ending a grant must not fail over what it overwrites. */
function isRevokedRecord(text: string): boolean {
  try {
    return parseGrantRecord(text).stage === 'revoked';
  } catch {
    return false;
  }
}

function grantKey(grantId: string): string {
  return `grant:${grantId}`;
}
