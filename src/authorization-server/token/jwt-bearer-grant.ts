import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { Client } from '../../services/clients/client.ts';
import type { IdentityAssertion } from '../../services/identity/assertions/identity-assertion.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Revocations } from '../../services/tokens/revocations.ts';
import { type LimitedRequest, readLimitedRequest } from './client-limits.ts';
import { type GrantType, nameIssued, type TokenDeps, type TokenRequest } from './grant-type.ts';
import { bindTokens } from './key-binding.ts';
import { makeAccessToken } from './seal-tokens.ts';

export interface JwtBearerDeps {
  /** Verifies what the client presents. @throws OAuthError `invalid_grant`, `temporarily_unavailable` */
  readonly verifyAssertion: (assertion: string, client: Client) => Promise<IdentityAssertion>;
  readonly revocations: Pick<Revocations, 'judge'>;
}

/**
 * Exchanges the assertion of a trusted issuer (ID-JAG) for an access token: the person is logged in at their enterprise,
 * which has decided already that this client may act for them here. No page, and no refresh token: the client comes again
 * with another assertion, so that the enterprise keeps the say. Groups count as they do at a login; who was cut off after
 * the assertion was made, stays out with it. The single use comes last: what is refused spends nothing.
 * @throws OAuthError `invalid_request` (`parameter_missing`), `unauthorized_client` (`grant_type_refused`), `invalid_grant`
 * (those of the assertion, `identity_assertion_resource`, `identity_assertion_replay`, `group`, `entry_*`, `token_revoked`,
 * `token_revoked_iat_cutoff`), and what `readLimitedRequest` and `bindTokens` throw
 * @see RFC 7523 §2.1, MCP extension "Enterprise-Managed Authorization"
 */
export function createJwtBearerGrant({ verifyAssertion, revocations }: JwtBearerDeps): GrantType {
  return async (request, deps) => {
    const { client, parameters, requestId } = request;
    // "The client MUST authenticate": whoever finds an assertion must not be able to use it.
    if (client.authentication.method === 'none') {
      throw new OAuthError('unauthorized_client', 'The client has no credential', {
        reason: 'grant_type_refused',
      });
    }
    const presented = parameters.find('assertion');
    if (presented === undefined) {
      throw new OAuthError('invalid_request', 'assertion is required', { reason: 'parameter_missing' });
    }
    const assertion = await verifyAssertion(presented, client);
    const asked = readAsked(assertion, request, deps);
    const { issuer, groups } = assertion.identity;
    if (!deps.identity.admits(issuer, groups)) throw refuse('group');
    const terms = makeTerms(assertion, asked, client, deps);
    const refusal = deps.identity.entry.judge(terms);
    if (refusal !== undefined) throw refuse(refusal);
    checkCutOffs(terms, revocations, deps);
    const keys = await bindTokens(request, terms, deps);
    const now = deps.clock.nowSeconds();
    const access = makeAccessToken(deps.sealer, keys.ofAccess, now, deps.accessTokenTtlSeconds);
    if (!(await assertion.claimOnce())) throw refuse('identity_assertion_replay');
    deps.emit({ type: 'tokens_issued', grantType: 'jwt_bearer', ...nameIssued(terms) }, requestId);
    return { ...access, refreshToken: undefined, scope: terms.scope };
  };
}

/** What assertion, request and policy have in common. */
function readAsked(assertion: IdentityAssertion, request: TokenRequest, deps: TokenDeps): LimitedRequest {
  const named = assertion.resource === undefined ? undefined : deps.resources.find(assertion.resource);
  if (assertion.resource !== undefined && named === undefined) throw refuse('identity_assertion_resource');
  const asked = readLimitedRequest(request, deps, { resource: named, scope: assertion.scope });
  const { resource } = asked;
  const { resources: allowed } = assertion.issuer;
  if (allowed !== undefined && !allowed.includes(resource.family ?? resource.identifier)) {
    throw refuse('identity_assertion_resource');
  }
  if (named !== undefined && named.identifier !== resource.identifier) {
    throw new OAuthError('invalid_target', 'The assertion is for another resource', {
      reason: 'resource_mismatch',
    });
  }
  return asked;
}

function makeTerms(
  { identity, issuedAt }: IdentityAssertion,
  { resource, scope }: LimitedRequest,
  client: Client,
  deps: TokenDeps,
): GrantTerms {
  const now = deps.clock.nowSeconds();
  return {
    grantId: deps.random.token(16),
    identityIssuer: identity.issuer,
    subject: identity.subject,
    email: identity.email,
    name: identity.name,
    groups: identity.groups,
    // Counts for as long as the issuer is trusted.
    via: 'assertion',
    client: client.fingerprint,
    resource: resource.identifier,
    scope,
    // When the enterprise said so, not when the client came: a cut-off between the two counts.
    grantedAt: Math.min(issuedAt, now),
    absoluteEnd: now + deps.accessTokenTtlSeconds,
  };
}

function checkCutOffs(terms: GrantTerms, revocations: JwtBearerDeps['revocations'], deps: TokenDeps): void {
  if (deps.revokeBefore !== undefined && terms.grantedAt < deps.revokeBefore) {
    throw refuse('token_revoked_iat_cutoff');
  }
  if (revocations.judge(terms)) throw refuse('token_revoked');
}

function refuse(reason: RefusalReason): OAuthError {
  return new OAuthError('invalid_grant', 'The identity assertion is not valid', { reason });
}
