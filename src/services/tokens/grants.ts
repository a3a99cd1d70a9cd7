import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import { writeRemembered } from '../../platform/store/remembered-write.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import {
  planLease,
  planRelease,
  planRotation,
  planTurn,
  type Standstill,
  type Successor,
  type Turn,
} from './grant-plan.ts';
import {
  formatGrantRecord,
  grantKey,
  type GrantRecord,
  isRevokedRecord,
  parseGrantRecord,
} from './grant-record.ts';
import type { GrantTerms } from './grant-terms.ts';
import type { GrantTidying } from './grant-tidying.ts';
import type { RefreshToken } from './refresh-token.ts';
import type { Revocations } from './revocations.ts';

export type { Successor } from './grant-plan.ts';

export type Redemption = 'redeemed' | 'replayed' | 'revoked' | 'unknown';

/** It was the current token when it came, and others were faster: no theft, and nothing more to be had with it. */
interface Overtaken {
  readonly outcome: 'busy';
}

export type Rotation = { readonly outcome: 'rotated'; readonly sealed: string } | Overtaken | Standstill;

export type Lease =
  /** The caller makes the successor; the others wait for it. `record` is what the store has of the grant now. */
  | { readonly outcome: 'leased'; readonly record: string }
  /** Somebody else is at it. */
  | { readonly outcome: 'busy' }
  | Standstill;

/** Grants and what may still be done with them. Rejects with `StoreError` when the store cannot answer. */
export interface Grants {
  /** Records that a code for these terms is out; until `expiresAt` it can be redeemed, once. */
  open(terms: GrantTerms, expiresAt: EpochSeconds): Promise<void>;
  /** Redeems the grant's code in one atomic step: of any number of callers, one is told `redeemed`. */
  redeem(terms: GrantTerms, firstRefreshTokenId: string): Promise<Redemption>;
  /**
   * Of all processes that want to rotate the same token, lets one do what must not be done twice before it does. The
   * lease ends with the rotation, by `release`, or by itself after ten seconds.
   */
  lease(token: RefreshToken, holder: string): Promise<Lease>;
  /** Gives a lease back without a rotation. */
  release(token: RefreshToken, holder: string): Promise<void>;
  /**
   * Rotates a refresh token in one atomic step; `makeSuccessor` is called at most once per attempt. With `record`, what
   * a lease has written, the store is not asked for it again unless it has changed.
   */
  rotate(token: RefreshToken, makeSuccessor: () => Successor, record?: string): Promise<Rotation>;
  /** Ends the grant: refresh tokens at once, access tokens at every process that reads the revocation feed. */
  revoke(grant: EndableGrant, cause: string): Promise<void>;
}

/** What has to be known of a grant to end it. */
type EndableGrant = Pick<GrantTerms, 'grantId' | 'subject' | 'client' | 'absoluteEnd'>;

export interface GrantsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly revocations: Revocations;
  /** How long a rotated refresh token still gets its successor. 0: every collision is reuse. */
  readonly refreshWindowSeconds: number;
  /** Told of every rotation. Absent: records stay as the rotation left them. */
  readonly tidying?: Pick<GrantTidying, 'rotated'> | undefined;
}

const maxAttempts = 8;

interface Planned<Answer> {
  readonly write: GrantRecord | undefined;
  readonly answer: Answer;
}

export function createGrants(deps: GrantsDeps): Grants {
  const { store, clock } = deps;
  /** When the store last failed to answer here. */
  let silentUntilMs = -Infinity;

  async function revoke(terms: EndableGrant, cause: string): Promise<void> {
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
      const { written, rememberedSince } = await writeRemembered(store, () =>
        store.replace(key, present, formatGrantRecord(active), terms.absoluteEnd),
      );
      if (!written) return 'replayed';
      // A record of before the store lost its memory may be an older copy of one that was redeemed: nobody gets tokens.
      if (terms.grantedAt > rememberedSince) return 'redeemed';
      await store.delete(key);
      return 'unknown';
    },
    async lease(token, holder) {
      return attempt<Lease>(token, 'lease', (turn) => {
        const next = planLease(turn.record, holder, clock.nowMilliseconds());
        if (next === undefined) return { write: undefined, answer: { outcome: 'busy' } };
        return { write: next, answer: { outcome: 'leased', record: formatGrantRecord(next) } };
      });
    },
    async release(token, holder) {
      const key = grantKey(token.terms.grantId);
      const present = await store.get(key);
      const next = present === undefined ? undefined : planRelease(parseGrantRecord(present), holder);
      if (present === undefined || next === undefined) return;
      // Lost: the record has changed, and with it the lease.
      await store.replace(key, present, formatGrantRecord(next), token.terms.absoluteEnd);
    },
    async rotate(token, makeSuccessor, record) {
      const plan = (turn: Turn): Planned<Rotation> => {
        const successor = makeSuccessor();
        const next = planRotation(turn.record, successor, clock.nowMilliseconds());
        return { write: next, answer: { outcome: 'rotated', sealed: successor.sealed } };
      };
      const rotation = await attempt(token, 'rotate', plan, record);
      const { grantId, absoluteEnd } = token.terms;
      if (rotation.outcome === 'rotated') deps.tidying?.rotated(grantId, absoluteEnd);
      return rotation;
    },
  };

  /** Changes a grant by a plan, and notes when the store did not answer. */
  async function attempt<Answer>(
    token: RefreshToken,
    verb: string,
    plan: (turn: Turn) => Planned<Answer>,
    known?: string,
  ): Promise<Answer | Overtaken | Standstill> {
    try {
      return await change(token, verb, plan, known);
    } catch (error) {
      if (error instanceof StoreError) silentUntilMs = clock.nowMilliseconds();
      throw error;
    }
  }

  /** Reads, plans and writes, until the write meets the record it was planned for. */
  async function change<Answer>(
    token: RefreshToken,
    verb: string,
    plan: (turn: Turn) => Planned<Answer>,
    known: string | undefined,
  ): Promise<Answer | Overtaken | Standstill> {
    const { grantId, absoluteEnd } = token.terms;
    const key = grantKey(grantId);
    for (let round = 0; round < maxAttempts; round += 1) {
      // What was known and is no longer so loses the write below.
      const present = round === 0 && known !== undefined ? known : await store.get(key);
      if (present === undefined) return { outcome: 'unknown' };
      const record = parseGrantRecord(present);
      if (await endIfCutOff(record, token.terms)) return { outcome: 'revoked' };
      const turn = await judgeTurn(record, token.tokenId);
      if (turn.outcome === 'reused' && round > 0) return { outcome: 'busy' };
      if (turn.outcome !== 'turn') return turn;
      const { write, answer } = plan(turn);
      if (write === undefined) return answer;
      if (await store.replace(key, present, formatGrantRecord(write), absoluteEnd)) return answer;
    }
    throw new Error(`the grant changed on every attempt to ${verb} it`);
  }

  /**
   * A rotation that was done while its answer was lost looks like theft when the store was away for longer than the
   * window: before that is said, the window is counted from when it answered again.
   */
  async function judgeTurn(record: GrantRecord, tokenId: string): Promise<Turn | Standstill> {
    const { refreshWindowSeconds } = deps;
    const now = clock.nowMilliseconds();
    const turn = planTurn(record, tokenId, now, refreshWindowSeconds);
    const isPrevious = record.stage === 'active' && record.previous?.tokenId === tokenId;
    if (turn.outcome !== 'reused' || !isPrevious) return turn;
    // A restart every process knows of; of anything else, those that could not reach the store.
    const restartedMs = Math.min(now, (await store.rememberedSince()) * 1000);
    return planTurn(record, tokenId, now, refreshWindowSeconds, Math.max(silentUntilMs, restartedMs));
  }

  /** Cut off with others, or by a revocation that broke off: both steps are done, before the feed forgets it. */
  async function endIfCutOff(record: GrantRecord, terms: GrantTerms): Promise<boolean> {
    if (record.stage !== 'active' || !deps.revocations.judge(terms)) return false;
    await revoke(terms, deps.revocations.isRevoked(terms.grantId) ? 'interrupted' : 'cut_off');
    return true;
  }
}
