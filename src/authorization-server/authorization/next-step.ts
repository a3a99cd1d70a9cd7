import type { AuthorizationRequest } from './authorization-request.ts';

/** What an authorization request that passed every check meets next. */
export type NextStep = 'consent' | 'login';

export interface ConsentPolicy {
  readonly renderConsentPage: boolean;
}

/**
 * Decides the next step, from the request and the policy alone: no store, no clock, no cookie. No approval is
 * remembered, so whoever asks is asked about, each time and whatever was approved before.
 */
export function nextStep(_request: AuthorizationRequest, policy: ConsentPolicy): NextStep {
  return policy.renderConsentPage ? 'consent' : 'login';
}
