import { noScopes } from '../../services/resources/resource.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import { type ConsentNotice, renderConsentPage } from './consent-page.ts';
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
  showing: { readonly notice: ConsentNotice | undefined; readonly cookies: readonly string[] },
): Response {
  const resource = deps.resources.find(transaction.terms.resource);
  return renderConsentPage({
    transaction,
    consentToken: sealTransaction(deps.sealer, transaction),
    resourceName: resource?.title,
    scopes: resource?.scopes ?? noScopes,
    identityProvider: { issuer: deps.identityProvider.issuer, scopes: deps.identityProviderScopes ?? [] },
    ...showing,
  });
}
