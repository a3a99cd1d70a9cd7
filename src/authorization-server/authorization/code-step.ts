import { SealTooLargeError } from '../../platform/sealing/sealer.ts';
import { StoreError } from '../../platform/store/store.ts';
import { formatAuthorizationResponse } from '../../protocol/authorization-response.ts';
import { OAuthError, storeUnavailable } from '../../protocol/oauth-error.ts';
import { abbreviateClient } from '../../services/clients/client.ts';
import type { Login } from '../../services/identity/identity-provider.ts';
import {
  type AuthorizationCode,
  authorizationCodeTtlSeconds,
  sealAuthorizationCode,
} from '../../services/tokens/authorization-code.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import type { RequestedTerms } from './transaction.ts';

export type CodeStepDeps = Pick<
  AuthorizationDeps,
  | 'issuer'
  | 'sealer'
  | 'clock'
  | 'random'
  | 'grants'
  | 'grantLifetimeSeconds'
  | 'identityProviders'
  | 'identityRecheck'
  | 'emit'
>;

/**
 * Makes the grant and its authorization code. Returns the location that hands the code to the client.
 * @throws OAuthError `access_denied`, reasons `identity_recheck_impossible`, and `groups_too_many` when the person's groups do not fit into a code;
 * `temporarily_unavailable`, reason `replay_store_unavailable`   @see OAuth 2.1 §4.1.2
 */
export async function issueCode(
  deps: CodeStepDeps,
  requested: RequestedTerms,
  { identity, refreshToken, sessionId, authentication = {} }: Login,
  requestId: string,
): Promise<string> {
  const now = deps.clock.nowSeconds();
  const expiresAt = now + authorizationCodeTtlSeconds;
  const terms: GrantTerms = {
    grantId: deps.random.token(16),
    identityIssuer: identity.issuer,
    subject: identity.subject,
    email: identity.email,
    name: identity.name,
    groups: identity.groups,
    ...(sessionId === undefined ? {} : { sessionId }),
    ...authentication,
    client: requested.client,
    ...(requested.keyThumbprint === undefined ? {} : { keyThumbprint: requested.keyThumbprint }),
    resource: requested.resource,
    scope: requested.scope,
    grantedAt: now,
    absoluteEnd: now + deps.grantLifetimeSeconds,
  };
  // Sealed before it is recorded: a code that cannot be made leaves nothing behind.
  const { redirectUri, codeChallenge } = requested;
  const unsealed = { terms, redirectUri, codeChallenge, expiresAt };
  const code = sealWithIdentityToken(deps, unsealed, refreshToken, requestId) ?? sealCode(deps, unsealed);
  await recordGrant(deps, terms, expiresAt);
  return formatAuthorizationResponse(requested.redirectUri, {
    iss: deps.issuer,
    state: requested.state,
    code,
  });
}

/**
 * The code with the provider's refresh token in it; undefined when there is none to carry, or it does not fit.
 * @throws OAuthError `access_denied`, reason `identity_recheck_impossible`, when there has to be one
 */
function sealWithIdentityToken(
  deps: CodeStepDeps,
  code: AuthorizationCode,
  identityToken: string | undefined,
  requestId: string,
): string | undefined {
  if (deps.identityRecheck === 'off') return undefined;
  if (identityToken !== undefined) {
    try {
      return sealAuthorizationCode(deps.sealer, { ...code, identityToken });
    } catch (error) {
      if (!(error instanceof SealTooLargeError)) throw error;
      const { identityIssuer, subject, client, grantId: grant } = code.terms;
      const own = deps.identityProviders.all.find(({ provider }) => provider.issuer === identityIssuer);
      const named = { subject, client: abbreviateClient(client), grant, identityProvider: own?.name };
      deps.emit({ type: 'identity_token_dropped', ...named }, requestId);
    }
  }
  if (deps.identityRecheck === 'auto') return undefined;
  throw new OAuthError(
    'access_denied',
    'The identity provider gave no refresh token, and this service has to be able to ask it again',
    { reason: 'identity_recheck_impossible' },
  );
}

function sealCode(deps: CodeStepDeps, code: AuthorizationCode): string {
  try {
    return sealAuthorizationCode(deps.sealer, code);
  } catch (error) {
    if (!(error instanceof SealTooLargeError)) throw error;
    // Never with some of them: what a rule of tomorrow, or the upstream, keeps out by a group would come in.
    throw new OAuthError('access_denied', 'This account is in too many groups for this service', {
      reason: code.terms.groups.length === 0 ? 'token_issue_failed' : 'groups_too_many',
      cause: error,
    });
  }
}

async function recordGrant(deps: CodeStepDeps, terms: GrantTerms, expiresAt: number): Promise<void> {
  try {
    await deps.grants.open(terms, expiresAt);
  } catch (error) {
    throw error instanceof StoreError ? storeUnavailable(error) : error;
  }
}
