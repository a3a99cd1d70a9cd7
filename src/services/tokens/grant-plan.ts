/**
 * What may be done with a refresh token, by its grant's record and the time alone. Pure: `grants.ts` reads the record,
 * asks here, and writes the next one by compare-and-swap; whoever loses that race asks again.
 */
import type { ActiveGrant, GrantRecord } from './grant-record.ts';

/** The successor of a refresh token: its generation and its sealed form. */
export interface Successor {
  readonly tokenId: string;
  readonly sealed: string;
}

/** Why a refresh token gets no new successor. */
export type Standstill =
  /** The same token came again inside the window: here is the successor it got the first time. */
  | { readonly outcome: 'repeated'; readonly sealed: string }
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'revoked' }
  | { readonly outcome: 'unknown' };

/** The token is the current one: what a change may begin from. */
export interface Turn {
  readonly outcome: 'turn';
  readonly record: ActiveGrant;
}

/** A process that died while it held the lease holds it no longer than this. */
export const leaseMilliseconds = 10_000;
/** Clocks of two replicas may be apart by this much; a lease that seems to last longer was written by a wrong one. */
const clockSlackMilliseconds = 30_000;

/**
 * An outage that lasted longer costs those a login whose answer it took. Without an end, any hiccup of the store would
 * open the window again for every token that was ever replaced, and with it for whoever stole one.
 */
const longestOutageMilliseconds = 15 * 60_000;

/**
 * Whether this generation may rotate. Until `silentUntilMs` the store may not have answered: nobody could come again,
 * and the window of what was rotated before begins there.
 */
export function planTurn(
  record: GrantRecord,
  tokenId: string,
  nowMs: number,
  windowSeconds: number,
  silentUntilMs = -Infinity,
): Turn | Standstill {
  switch (record.stage) {
    case 'pending':
      return { outcome: 'unknown' };
    case 'revoked':
      return { outcome: 'revoked' };
    case 'active': {
      if (record.current === tokenId) return { outcome: 'turn', record };
      const { previous } = record;
      // Either way: another process's clock may be ahead, and one that was set back must not hold the window open.
      const age = previous === undefined ? Infinity : ageAt(nowMs, previous.rotatedAtMs, silentUntilMs);
      // Only the generation right before: once the successor was used itself, the older token is reuse.
      const inWindow = previous?.tokenId === tokenId && age < windowSeconds * 1000;
      return inWindow ? { outcome: 'repeated', sealed: previous.successor } : { outcome: 'reused' };
    }
  }
}

function ageAt(nowMs: number, rotatedAtMs: number, silentUntilMs: number): number {
  const isLostInOutage = silentUntilMs - rotatedAtMs <= longestOutageMilliseconds;
  return Math.abs(nowMs - (isLostInOutage ? Math.max(rotatedAtMs, silentUntilMs) : rotatedAtMs));
}

/** The record while `holder` makes the successor, for another ten seconds; undefined while somebody else does. */
export function planLease(record: ActiveGrant, holder: string, nowMs: number): ActiveGrant | undefined {
  const { rotating } = record;
  if (rotating !== undefined && rotating.holder !== holder) {
    const leftMs = rotating.untilMs - nowMs;
    if (leftMs > 0 && leftMs <= leaseMilliseconds + clockSlackMilliseconds) return undefined;
  }
  const lease = { holder, untilMs: nowMs + leaseMilliseconds };
  return { ...record, rotating: lease };
}

/** The record after `holder` gave up; undefined when the lease is not theirs (any more). */
export function planRelease(record: GrantRecord, holder: string): ActiveGrant | undefined {
  if (record.stage !== 'active' || record.rotating?.holder !== holder) return undefined;
  const { stage, subject, client, current, previous, refreshedAtMs } = record;
  return {
    stage,
    subject,
    client,
    current,
    ...(previous === undefined ? {} : { previous }),
    ...(refreshedAtMs === undefined ? {} : { refreshedAtMs }),
  };
}

/**
 * The record after the rotation. Whoever comes first wins, lease or not: the lease saves questions to the identity
 * provider, and that there is one successor is the compare-and-swap's doing.
 */
export function planRotation(record: ActiveGrant, successor: Successor, nowMs: number): ActiveGrant {
  return {
    stage: 'active',
    subject: record.subject,
    client: record.client,
    current: successor.tokenId,
    previous: { tokenId: record.current, rotatedAtMs: nowMs, successor: successor.sealed },
  };
}

/** When a rotated token gets its successor no more, by any clock: so long after the rotation. */
export function tidyAfterMilliseconds(windowSeconds: number): number {
  return windowSeconds * 1000 + clockSlackMilliseconds;
}

/** The record without the generation before, once that gets nothing more; undefined when there is nothing to take out. */
export function planTidying(
  record: GrantRecord,
  nowMs: number,
  windowSeconds: number,
): ActiveGrant | undefined {
  if (record.stage !== 'active' || record.previous === undefined) return undefined;
  if (nowMs - record.previous.rotatedAtMs < tidyAfterMilliseconds(windowSeconds)) return undefined;
  const { stage, subject, client, current, rotating } = record;
  return {
    stage,
    subject,
    client,
    current,
    ...(rotating === undefined ? {} : { rotating }),
    refreshedAtMs: record.previous.rotatedAtMs,
  };
}
