import { noScopes } from '../../services/resources/resource.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import { renderChooserPage } from './chooser-page.ts';
import { listProviders } from './chosen-provider.ts';
import { type ConsentNotice, renderConsentPage } from './consent-page.ts';
import { sealTransaction } from './transaction-codec.ts';
import type { AwaitingConsent, RequestedTerms } from './transaction.ts';

export type ConsentStepDeps = Pick<
  AuthorizationDeps,
  'sealer' | 'resources' | 'identityProviders' | 'renderConsentPage' | 'accountUrl'
>;

/**
 * Asks the person. Nothing is written anywhere: the transaction is in the page's form, sealed. Without a consent page
 * there is still the choice between several identity providers.
 */
export function askForConsent(
  deps: ConsentStepDeps,
  transaction: AwaitingConsent,
  showing: { readonly notice: ConsentNotice | undefined; readonly cookies: readonly string[] },
): Response {
  const { terms } = transaction;
  const resource = deps.resources.find(terms.resource);
  const consentToken = sealTransaction(deps.sealer, transaction);
  const providers = listProviders(deps, terms).map(({ name, title, scopes, provider }) => ({
    name,
    title,
    scopes,
    issuer: provider.issuer,
  }));
  if (isChoiceAlone(deps, terms)) {
    const named = { resourceName: resource?.title, resource: terms.resource };
    return renderChooserPage({ ...named, consentToken, providers, ...showing });
  }
  return renderConsentPage({
    transaction,
    consentToken,
    resourceName: resource?.title,
    scopes: resource?.scopes ?? noScopes,
    identityProviders: providers,
    accountUrl: deps.accountUrl,
    ...showing,
  });
}

/** Whether the page asks where to log in and nothing else. Of a device the person is always asked. */
export function isChoiceAlone(
  { renderConsentPage: asksForConsent }: Pick<ConsentStepDeps, 'renderConsentPage'>,
  { userCode }: Pick<RequestedTerms, 'userCode'>,
): boolean {
  return !asksForConsent && userCode === undefined;
}
