import { OAuthError } from '../../protocol/oauth-error.ts';
import { checkCodeVerifier, parseCodeVerifier } from '../../protocol/pkce.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import { type AuthorizationCode, openAuthorizationCode } from '../../services/tokens/authorization-code.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { limitGranted } from './client-limits.ts';
import { checkResource } from './granted-resource.ts';
import type { TokenDeps, TokenRequest } from './grant-type.ts';
import { type FailedRedemption, redeemApproval } from './redeem-approval.ts';
import type { IssuedTokens } from './token-response.ts';

/**
 * Exchanges an authorization code. Redemption comes last: only a request that is right in every respect spends the
 * code, and the second such request ends the grant that the first one began.
 * @throws OAuthError `invalid_request` (`parameter_missing`, `pkce_missing`, `pkce_malformed`), `invalid_target`
 * (`resource_mismatch`), `invalid_grant` (`code_invalid`, `client_mismatch`, `pkce_mismatch`, `code_replay`,
 * `token_revoked_iat_cutoff`); and what `limitGranted` and `bindTokens` throw
 * @see OAuth 2.1 §4.1.3, RFC 9700 §4.5.3.1
 */
export async function authorizationCodeGrant(request: TokenRequest, deps: TokenDeps): Promise<IssuedTokens> {
  const presented = readPresented(request);
  const opened = openAuthorizationCode(deps.sealer, presented.code);
  if (opened === undefined) throw invalidCode('code_invalid');
  const code = { ...opened, terms: checkCode(opened, request, deps) };
  // Byte equality, and required: a code that leaked through one redirect URI is worthless at any other.
  if (code.redirectUri !== presented.redirectUri) throw invalidCode('code_invalid');
  checkCodeVerifier(presented.codeVerifier, code.codeChallenge);
  return redeem(code, request, deps);
}

interface PresentedCode {
  readonly code: string;
  readonly redirectUri: string;
  readonly codeVerifier: string;
}

function readPresented({ parameters }: TokenRequest): PresentedCode {
  const code = parameters.find('code');
  const redirectUri = parameters.find('redirect_uri');
  if (code === undefined || redirectUri === undefined) {
    throw new OAuthError('invalid_request', 'code and redirect_uri are required', {
      reason: 'parameter_missing',
    });
  }
  return { code, redirectUri, codeVerifier: parseCodeVerifier(parameters.find('code_verifier')) };
}

/** Returns what the grant is now. */
function checkCode(
  code: AuthorizationCode,
  { client, parameters }: TokenRequest,
  deps: TokenDeps,
): GrantTerms {
  const now = deps.clock.nowSeconds();
  if (code.terms.client !== client.fingerprint) throw invalidCode('client_mismatch');
  if (code.expiresAt <= now || code.terms.absoluteEnd <= now) throw invalidCode('code_invalid');
  if (deps.revokeBefore !== undefined && code.terms.grantedAt < deps.revokeBefore) {
    throw invalidCode('token_revoked_iat_cutoff');
  }
  // RFC 8707 §2.2: only what was authorized, and only what this deployment still serves.
  const resource = deps.resources.find(code.terms.resource);
  if (resource === undefined) throw invalidCode('code_invalid');
  checkResource(parameters.all('resource'), code.terms, deps.resources);
  return limitGranted(code.terms, client, resource);
}

async function redeem(
  code: AuthorizationCode,
  request: TokenRequest,
  deps: TokenDeps,
): Promise<IssuedTokens> {
  const issued = await redeemApproval(code, 'code', request, deps);
  if (typeof issued === 'string') throw invalidCode(reasonOfRefusal[issued]);
  return issued;
}

const reasonOfRefusal = {
  replayed: 'code_replay',
  revoked: 'code_replay',
  unknown: 'code_invalid',
} as const satisfies Record<FailedRedemption, RefusalReason>;

/** One text for every code that is not good: a stranger cannot tell forged from expired, foreign or spent. */
function invalidCode(reason: RefusalReason): OAuthError {
  return new OAuthError('invalid_grant', 'The authorization code is not valid', { reason });
}
