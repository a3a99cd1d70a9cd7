import { SealTooLargeError } from '../../platform/sealing/sealer.ts';
import { StoreError } from '../../platform/store/store.ts';
import { formatAuthorizationResponse } from '../../protocol/authorization-response.ts';
import { OAuthError, storeUnavailable } from '../../protocol/oauth-error.ts';
import type { Identity } from '../../services/identity/identity-provider.ts';
import {
  authorizationCodeTtlSeconds,
  sealAuthorizationCode,
} from '../../services/tokens/authorization-code.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import type { RequestedTerms } from './transaction.ts';

export type CodeStepDeps = Pick<
  AuthorizationDeps,
  'issuer' | 'sealer' | 'clock' | 'random' | 'grants' | 'grantLifetimeSeconds'
>;

/**
 * Makes the grant and its authorization code. Returns the location that hands the code to the client.
 * @throws OAuthError `server_error`, reason `token_issue_failed`, when the person's groups do not fit into a code;
 * `temporarily_unavailable`, reason `replay_store_unavailable`   @see OAuth 2.1 §4.1.2
 */
export async function issueCode(
  deps: CodeStepDeps,
  requested: RequestedTerms,
  identity: Identity,
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
    client: requested.client,
    resource: requested.resource,
    scope: requested.scope,
    grantedAt: now,
    absoluteEnd: now + deps.grantLifetimeSeconds,
  };
  // Sealed before it is recorded: a code that cannot be made leaves nothing behind.
  const code = sealCode(deps, requested, terms, expiresAt);
  await recordGrant(deps, terms, expiresAt);
  return formatAuthorizationResponse(requested.redirectUri, {
    iss: deps.issuer,
    state: requested.state,
    code,
  });
}

function sealCode(
  deps: CodeStepDeps,
  requested: RequestedTerms,
  terms: GrantTerms,
  expiresAt: number,
): string {
  const { redirectUri, codeChallenge } = requested;
  try {
    return sealAuthorizationCode(deps.sealer, { terms, redirectUri, codeChallenge, expiresAt });
  } catch (error) {
    if (!(error instanceof SealTooLargeError)) throw error;
    throw new OAuthError('server_error', 'The person is in too many groups for an authorization code', {
      reason: 'token_issue_failed',
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
