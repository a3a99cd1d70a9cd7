import type { EpochSeconds } from '../../platform/clock.ts';
import { type CutOff, type JudgedGrant, personKey, sessionKey } from './cut-off.ts';

/** The cut-offs that still matter, by kind, so that a call is judged by a few look-ups however many there are. */
export interface CutOffIndex {
  add(cutOff: CutOff, now: EpochSeconds): void;
  covers(grant: JudgedGrant, now: EpochSeconds): boolean;
  hasGrant(grantId: string): boolean;
  /** Drops what no live token can fall under any more. */
  forget(now: EpochSeconds): void;
}

export interface CutOffIndexOptions {
  /** A grant's own cut-off is kept so long: its record refuses refreshes, its access tokens have run out. */
  readonly keepGrantSeconds: number;
  /** No grant lives longer; nor does any other cut-off have to. */
  readonly grantLifetimeSeconds: number;
}

/**
 * Plain numbers in plain maps: a hundred thousand cut-offs are about ten megabytes. A grant older than the longest life
 * is covered as well: whether it was cut off, nobody remembers.
 */
export function createCutOffIndex(options: CutOffIndexOptions): CutOffIndex {
  const { keepGrantSeconds, grantLifetimeSeconds } = options;
  /** Grant id → until when to remember it. */
  const grants = new Map<string, EpochSeconds>();
  /** Key → grants from before this moment are over. */
  const befores = {
    subject: new Map<string, EpochSeconds>(),
    session: new Map<string, EpochSeconds>(),
    sessionless: new Map<string, EpochSeconds>(),
    client: new Map<string, EpochSeconds>(),
  };
  let everything = 0;

  return {
    add({ kind, key, before }, now) {
      switch (kind) {
        case 'grant':
          grants.set(key, now + keepGrantSeconds);
          return;
        case 'everything':
          everything = Math.max(everything, before);
          return;
        case 'subject':
        case 'session':
        case 'sessionless':
        case 'client':
          befores[kind].set(key, Math.max(befores[kind].get(key) ?? 0, before));
          return;
      }
    },
    covers(grant, now) {
      // The earlier of the two: the clocks of two replicas may differ.
      const from = Math.min(grant.grantedAt, grant.issuedAt ?? Infinity);
      const { subject, session, sessionless, client } = befores;
      return (
        from < everything ||
        grant.grantedAt + grantLifetimeSeconds < now ||
        grants.has(grant.grantId) ||
        isBefore(from, client.size === 0 ? undefined : client.get(grant.client)) ||
        isBefore(
          from,
          subject.size === 0 ? undefined : subject.get(personKey(grant.identityIssuer, grant.subject)),
        ) ||
        isBefore(
          from,
          session.size === 0 || grant.sessionId === undefined
            ? undefined
            : session.get(sessionKey(grant.identityIssuer, grant.sessionId)),
        ) ||
        isBefore(
          from,
          sessionless.size === 0 || grant.sessionId !== undefined
            ? undefined
            : sessionless.get(personKey(grant.identityIssuer, grant.subject)),
        )
      );
    },
    hasGrant: (grantId) => grants.has(grantId),
    forget(now) {
      for (const [grantId, until] of grants) if (until <= now) grants.delete(grantId);
      for (const byKey of Object.values(befores)) {
        for (const [key, before] of byKey) if (before + grantLifetimeSeconds <= now) byKey.delete(key);
      }
    },
  };
}

function isBefore(from: EpochSeconds, before: EpochSeconds | undefined): boolean {
  return before !== undefined && from < before;
}
