import type { AuthorizationRequest } from './authorization-request.ts';

/** What an authorization request that passed every check meets next. */
export type NextStep = 'consent' | 'choice' | 'login';

export interface ConsentPolicy {
  readonly renderConsentPage: boolean;
  /** How many identity providers there are to log in at. */
  readonly providers: number;
}

/**
 * Decides the next step, from the request and the policy alone: no store, no clock, no cookie. No approval is
 * remembered, so whoever asks is asked about, each time and whatever was approved before.
 */
export function nextStep(_request: AuthorizationRequest, policy: ConsentPolicy): NextStep {
  if (policy.renderConsentPage) return 'consent';
  return policy.providers === 1 ? 'login' : 'choice';
}
