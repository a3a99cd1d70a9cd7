/**
 * POST /revoke: a client gives back what it was given.
 *
 * Owns the judgement of a revocation request. What ends with a grant is services/tokens/grants.ts; who a client
 * is and how it proves that, services/clients.
 *
 * 1. form body only
 * 2. client, authenticated as at the token endpoint (401)
 * 3. open the token: access or refresh token, whatever the hint says
 * 4. a token that says nothing here is as good as revoked: 200
 * 5. a token of another client is refused
 * 6. end the whole grant: a person who signs out of a client means all of it
 *
 * @see RFC 7009 §2
 */
import type { Clock } from '../../platform/clock.ts';
import type { Handler } from '../../platform/http/handler.ts';
import type { Sealer } from '../../platform/sealing/sealer.ts';
import { StoreError } from '../../platform/store/store.ts';
import { OAuthError, storeUnavailable } from '../../protocol/oauth-error.ts';
import type { Emit } from '../../services/audit/events.ts';
import type { AuthenticateClient } from '../../services/clients/client-authentication.ts';
import { abbreviateClient } from '../../services/clients/client.ts';
import { readFormRequest } from '../../services/requests/form-request.ts';
import { openAccessToken } from '../../services/tokens/access-token.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Grants } from '../../services/tokens/grants.ts';
import { openRefreshToken } from '../../services/tokens/refresh-token.ts';

export interface RevocationDeps {
  readonly authenticateClient: AuthenticateClient;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly grants: Pick<Grants, 'revoke'>;
  readonly emit: Emit;
}

/**
 * Answers revocation requests. 200 means that every process refuses the grant's tokens, this one from now on and the
 * others in seconds.
 * @throws OAuthError `invalid_request`, `invalid_client` (401), `invalid_grant` (reason `client_mismatch`), and
 * `temporarily_unavailable` (503, `Retry-After`) when the store cannot record it
 */
export function createRevocationEndpoint(deps: RevocationDeps): Handler {
  return async (request, context) => {
    const parameters = await readFormRequest(request);
    const client = await deps.authenticateClient(request, parameters, 'revocation');
    const token = parameters.find('token');
    if (token === undefined) {
      throw new OAuthError('invalid_request', 'token is required', { reason: 'parameter_missing' });
    }
    const terms = findLiveGrant(token, deps);
    if (terms === undefined) return done();
    // RFC 7009 §2.1: "If this validation fails, the request is refused". Else any client ends any other's session.
    if (terms.client !== client.fingerprint) {
      throw new OAuthError('invalid_grant', 'The token was issued to another client', {
        reason: 'client_mismatch',
      });
    }
    await endGrant(terms, context.requestId, deps);
    return done();
  };
}

/** The grant of a token that could still be used, by its times alone. */
function findLiveGrant(token: string, deps: RevocationDeps): GrantTerms | undefined {
  // RFC 7009 §2.1: the hint is for servers that have to search; a prefix tells us.
  const opened = openRefreshToken(deps.sealer, token) ?? openAccessToken(deps.sealer, token);
  return opened !== undefined && opened.expiresAt > deps.clock.nowSeconds() ? opened.terms : undefined;
}

async function endGrant(terms: GrantTerms, requestId: string, deps: RevocationDeps): Promise<void> {
  try {
    await deps.grants.revoke(terms, 'client');
  } catch (error) {
    // 200 here would tell the person that the session is over while other replicas go on with it.
    throw error instanceof StoreError ? storeUnavailable(error) : error;
  }
  deps.emit(
    {
      type: 'grant_revoked',
      cause: 'client',
      grant: terms.grantId,
      subject: terms.subject,
      client: abbreviateClient(terms.client),
    },
    requestId,
  );
}

/** RFC 7009 §2.2: the body says nothing. */
function done(): Response {
  return new Response(null, { status: 200, headers: { 'cache-control': 'no-store', pragma: 'no-cache' } });
}
