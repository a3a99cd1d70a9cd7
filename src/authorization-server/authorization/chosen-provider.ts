import { OAuthError } from '../../protocol/oauth-error.ts';
import type { NamedProvider } from '../../services/identity/identity-providers.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import type { RequestedTerms } from './transaction.ts';

type ChoiceDeps = Pick<AuthorizationDeps, 'identityProviders' | 'resources'>;

/** The identity providers that the resource lets people log in at, as of now. */
export function listProviders(
  { identityProviders, resources }: ChoiceDeps,
  { resource }: Pick<RequestedTerms, 'resource'>,
): readonly NamedProvider[] {
  return identityProviders.forResource(resources.find(resource));
}

/**
 * The identity provider to log in at. A name is a wish of whoever sent the form: only what the resource allows is granted.
 * @param name undefined: none was named, which is enough where there is one alone
 * @throws OAuthError `invalid_request`, reason `identity_provider_refused`
 */
export function chooseProvider(
  deps: ChoiceDeps,
  terms: Pick<RequestedTerms, 'resource'>,
  name: string | undefined,
): NamedProvider {
  const fitting = listProviders(deps, terms);
  const [only] = fitting;
  if (name === undefined && only !== undefined && fitting.length === 1) return only;
  const chosen = fitting.find((each) => each.name === name);
  if (chosen !== undefined) return chosen;
  throw new OAuthError('invalid_request', 'This server does not let people log in there; start again', {
    reason: 'identity_provider_refused',
  });
}
