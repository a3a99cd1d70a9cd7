import type { EpochSeconds } from '../../platform/clock.ts';
import type { GrantTerms } from './grant-terms.ts';

const kinds = ['everything', 'subject', 'session', 'sessionless', 'client', 'grant'] as const;

export type CutOffKind = (typeof kinds)[number];

/**
 * Ends what was granted before a moment: everything, or all of one person, of one session at the identity provider, of
 * one person as far as the provider named no session, of one client, or one grant.
 */
export interface CutOff {
  readonly kind: CutOffKind;
  /**
   * `everything`: empty. `subject`, `sessionless`: `personKey()`. `session`: `sessionKey()`. `client`: the fingerprint.
   * `grant`: the grant's id.
   */
  readonly key: string;
  /**
   * Grants from before this second end; a grant from this very second does not: see `untilNow()`.
   * A grant's own cut-off ends it whatever this says.
   */
  readonly before: EpochSeconds;
}

/** What has to be known of a grant to tell whether it was cut off. */
export type JudgedGrant = Pick<
  GrantTerms,
  'grantId' | 'identityIssuer' | 'subject' | 'client' | 'grantedAt'
> & {
  /** `sid` of the identity provider, where it said one. */
  readonly sessionId?: string | undefined;
  /** Of an access token: when it was issued. */
  readonly issuedAt?: EpochSeconds;
};

/**
 * A replica whose clock is ahead by this much dates what it grants no later than a cut-off of the same moment. Twice of
 * what clocks may differ by; whoever signs in again so soon after a cut-off is cut off as well, and signs in once more.
 */
export const clockSlackSeconds = 2;

/** "Until now" as `CutOff.before`: what was granted up to and in this second, also by a clock that is ahead. */
export function untilNow(now: EpochSeconds): EpochSeconds {
  return now + 1 + clockSlackSeconds;
}

/** A cut-off as the feed has it, and when it was made. */
export interface CutOffEntry {
  readonly cutOff: CutOff;
  /** Undefined in entries of the first release. */
  readonly madeAtMs: number | undefined;
}

/** Two identity providers may both know a "1"; an issuer has no blank. */
export function personKey(identityIssuer: string, subject: string): string {
  return `${identityIssuer} ${subject}`;
}

export function sessionKey(identityIssuer: string, sessionId: string): string {
  return `${identityIssuer} ${sessionId}`;
}

/** `["subject","https://login.example alice",1763715600,1763715599123]`: part of the stored format. */
export function formatCutOff(cutOff: CutOff, madeAtMs: number): string {
  return JSON.stringify([cutOff.kind, cutOff.key, cutOff.before, madeAtMs]);
}

/** Undefined for what is no cut-off: of a later release, or damaged. */
export function parseCutOff(entry: string): CutOffEntry | undefined {
  // The first release wrote the bare id of a grant.
  if (!entry.startsWith('[')) {
    return { cutOff: { kind: 'grant', key: entry, before: 0 }, madeAtMs: undefined };
  }
  const members = parseList(entry);
  const [kindName, key, before, madeAtMs] = members;
  const kind = kinds.find((known) => known === kindName);
  if (kind === undefined || typeof key !== 'string' || !Number.isSafeInteger(before)) return undefined;
  return {
    cutOff: { kind, key, before: Number(before) },
    madeAtMs: typeof madeAtMs === 'number' ? madeAtMs : undefined,
  };
}

function parseList(text: string): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}
