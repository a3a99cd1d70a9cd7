import type { GrantTerms } from '../../services/tokens/grant-terms.ts';

/** How many calls a person may have in flight here at once, over all clients and tokens. */
export interface SubjectSlots {
  /** Takes a place and returns what gives it back; undefined when all are taken. */
  take(grant: GrantTerms): (() => void) | undefined;
}

/** @param maxPerSubject 0: unlimited */
export function createSubjectSlots(maxPerSubject: number): SubjectSlots {
  const taken = new Map<string, number>();
  return {
    take(grant) {
      if (maxPerSubject <= 0) return () => undefined;
      // Issuer and subject: two identity providers may both know a "1".
      const key = `${grant.identityIssuer}\n${grant.subject}`;
      const count = taken.get(key) ?? 0;
      if (count >= maxPerSubject) return undefined;
      taken.set(key, count + 1);
      return onlyOnce(() => {
        const rest = (taken.get(key) ?? 1) - 1;
        if (rest === 0) taken.delete(key);
        else taken.set(key, rest);
      });
    },
  };
}

function onlyOnce(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
