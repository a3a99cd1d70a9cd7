import type { AuthorizationDeps } from './authorization-deps.ts';
import { renderConsentPage } from './consent-page.ts';
import { sealTransaction } from './transaction-codec.ts';
import type { AwaitingConsent } from './transaction.ts';

export type ConsentStepDeps = Pick<
  AuthorizationDeps,
  'sealer' | 'resources' | 'identityProvider' | 'identityProviderScopes'
>;

/** Asks the person. Nothing is written anywhere: the transaction is in the page's form, sealed. */
export function askForConsent(
  deps: ConsentStepDeps,
  transaction: AwaitingConsent,
  showing: { readonly answeredBefore: boolean; readonly cookies: readonly string[] },
): Response {
  return renderConsentPage({
    transaction,
    consentToken: sealTransaction(deps.sealer, transaction),
    resourceName: deps.resources.find(transaction.terms.resource)?.title,
    identityProvider: { issuer: deps.identityProvider.issuer, scopes: deps.identityProviderScopes ?? [] },
    ...showing,
  });
}
