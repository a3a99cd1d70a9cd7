import type { AuthorizationDeps } from './authorization-deps.ts';
import type { AuthorizationRequest } from './authorization-request.ts';
import { createBrowserBinding } from './browser-binding.ts';
import { askForConsent, type ConsentStepDeps } from './consent-step.ts';
import { consentTtlSeconds } from './transaction.ts';

/** Shows the consent page to this browser, for a request that passed every check. */
export type AskForConsent = (request: Request, asked: AuthorizationRequest) => Response;

export type BeginConsentDeps = ConsentStepDeps & Pick<AuthorizationDeps, 'issuer' | 'clock' | 'random'>;

/** Begins the part that a person has in an authorization, wherever the authorization itself began. */
export function createBeginConsent(deps: BeginConsentDeps): AskForConsent {
  const binding = createBrowserBinding(deps);
  return (request, { client, terms }) => {
    const transactionId = deps.random.token(16);
    const { hash, cookies } = binding.consent.issue(request, transactionId);
    return askForConsent(
      deps,
      {
        stage: 'awaiting-consent',
        transactionId,
        terms,
        clientName: client.name,
        ...(client.verifiedHost === undefined ? {} : { clientHost: client.verifiedHost }),
        ...(client.preRegistered === undefined ? {} : { preRegistered: true }),
        consentHash: hash,
        expiresAt: deps.clock.nowSeconds() + consentTtlSeconds,
      },
      { notice: undefined, cookies },
    );
  };
}
