import type { EpochSeconds } from '../../platform/clock.ts';
import { type CutOff, type JudgedGrant, personKey, sessionKey } from './cut-off.ts';

/** The cut-offs that still matter, by kind, so that a call is judged by a few look-ups however many there are. */
export interface CutOffIndex {
  /** `grantEnd`: how long a grant's own cut-off is kept; the others last as long as a grant. */
  add(cutOff: CutOff, grantEnd: EpochSeconds): void;
  covers(grant: JudgedGrant, now: EpochSeconds): boolean;
  hasGrant(grantId: string): boolean;
  /** What still matters. Entries that come or go meanwhile may or may not be among it. */
  live(now: EpochSeconds): Iterable<HeldCutOff>;
  /** Whether it covers all that this one does. */
  includes(held: HeldCutOff): boolean;
  /** Drops what no live token can fall under any more. */
  forget(now: EpochSeconds): void;
}

export interface HeldCutOff {
  readonly cutOff: CutOff;
  /** Past it no live token can fall under it. */
  readonly end: EpochSeconds;
}

export interface CutOffIndexOptions {
  /** No grant lives longer; nor does any cut-off of more than one grant have to. */
  readonly grantLifetimeSeconds: number;
}

/**
 * Plain numbers in plain maps: a hundred thousand cut-offs are about ten megabytes. A grant older than the longest life
 * is covered as well: whether it was cut off, nobody remembers.
 */
export function createCutOffIndex(options: CutOffIndexOptions): CutOffIndex {
  const { grantLifetimeSeconds } = options;
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
    add({ kind, key, before }, grantEnd) {
      switch (kind) {
        case 'grant':
          grants.set(key, Math.max(grants.get(key) ?? 0, grantEnd));
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
    *live(now) {
      for (const [key, end] of grants) {
        if (end > now) yield { cutOff: { kind: 'grant', key, before: 0 }, end };
      }
      for (const kind of severalGrants) {
        for (const [key, before] of befores[kind]) {
          const end = before + grantLifetimeSeconds;
          if (end > now) yield { cutOff: { kind, key, before }, end };
        }
      }
      const end = everything + grantLifetimeSeconds;
      if (end > now) yield { cutOff: { kind: 'everything', key: '', before: everything }, end };
    },
    includes({ cutOff: { kind, key, before }, end }) {
      if (kind === 'grant') return end <= (grants.get(key) ?? 0);
      return before <= (kind === 'everything' ? everything : (befores[kind].get(key) ?? 0));
    },
    forget(now) {
      for (const [grantId, until] of grants) if (until <= now) grants.delete(grantId);
      for (const byKey of Object.values(befores)) {
        for (const [key, before] of byKey) if (before + grantLifetimeSeconds <= now) byKey.delete(key);
      }
    },
  };
}

const severalGrants = ['subject', 'session', 'sessionless', 'client'] as const;

function isBefore(from: EpochSeconds, before: EpochSeconds | undefined): boolean {
  return before !== undefined && from < before;
}
