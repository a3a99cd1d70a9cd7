import type { EntryGate } from '../../services/entry/entry-gate.ts';
import type { EntryRefusal } from '../../services/entry/entry-rules.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Admission, AdmittedCall, PendingAdmission } from './admit.ts';
import { type AdmittingResource, prepareRefusals, type RefusedCall } from './refused-calls.ts';

interface InnerAdmission<Presented extends readonly unknown[]> {
  admit(...presented: Presented): Admission | PendingAdmission;
  recheck(call: AdmittedCall): RefusedCall | undefined;
}

/**
 * Holds every call that `inner` admits against the entry rules of this moment, and every stream that is open.
 *
 * Who somebody is does not change with another login: 403 without a challenge, after which clients stop. How they logged
 * in does: 401, after which clients come back from another login; what that cannot give is refused there, on a page.
 */
export function createEntryAdmission<Presented extends readonly unknown[]>(
  inner: InnerAdmission<Presented>,
  resource: AdmittingResource,
  gate: Pick<EntryGate, 'judgeAgain'>,
): InnerAdmission<Presented> {
  const { entry_acr, entry_amr, entry_age } = prepareRefusals(resource);
  const refusals: Readonly<Record<EntryRefusal, RefusedCall>> = {
    group: forbid('group'),
    entry_subject: forbid('entry_subject'),
    entry_email: forbid('entry_email'),
    entry_domain: forbid('entry_domain'),
    entry_acr,
    entry_amr,
    entry_age,
  };

  // A grant is the same object as long as its token is remembered.
  const known = new WeakMap<GrantTerms, RefusedCall>();

  function judge({ grant }: AdmittedCall): RefusedCall | undefined {
    const refusal = gate.judgeAgain(grant);
    if (refusal === undefined) return undefined;
    const present = known.get(grant);
    if (present?.reason === refusal) return present;
    const refused = { ...refusals[refusal], grant };
    known.set(grant, refused);
    return refused;
  }

  function enter(admission: Admission): Admission {
    return admission.outcome === 'admitted' ? (judge(admission) ?? admission) : admission;
  }

  return {
    admit(...presented) {
      const admission = inner.admit(...presented);
      if (admission.outcome !== 'pending') return enter(admission);
      return { outcome: 'pending', check: async () => enter(await admission.check()) };
    },
    recheck: (call) => inner.recheck(call) ?? judge(call),
  };
}

function forbid(reason: EntryRefusal): RefusedCall {
  return {
    outcome: 'refused',
    status: 403,
    reason,
    error: 'access_denied',
    description: 'This account may not use this service',
  };
}
