/**
 * What went wrong at the identity provider, in words of ours. The library's own errors hold tokens, claims and the
 * provider's text; none of it survives here, so no log and no crash report can show it. The name carries the kind,
 * since names are what gets logged.
 */
export class ProviderFailure extends Error {
  readonly code: string;

  constructor(kind: string) {
    super(`identity provider: ${kind}`);
    this.name = `ProviderFailure.${kind}`;
    this.code = kind;
  }
}

/** Codes of openid-client, and what they come to. */
const kindOfCode: Readonly<Record<string, string>> = {
  OAUTH_RESPONSE_IS_NOT_CONFORM: 'http_status',
  OAUTH_RESPONSE_IS_NOT_JSON: 'not_json',
  OAUTH_PARSE_ERROR: 'not_json',
  OAUTH_RESPONSE_BODY_ERROR: 'oauth_error',
  OAUTH_WWW_AUTHENTICATE_CHALLENGE: 'oauth_error',
  OAUTH_INVALID_RESPONSE: 'malformed',
  OAUTH_UNSUPPORTED_OPERATION: 'unsupported',
  OAUTH_JWT_CLAIM_COMPARISON_FAILED: 'claim_mismatch',
  OAUTH_JWT_TIMESTAMP_CHECK_FAILED: 'token_time',
  OAUTH_KEY_SELECTION_FAILED: 'key_unknown',
  OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED: 'issuer_mismatch',
  OAUTH_HTTP_REQUEST_FORBIDDEN: 'insecure_url',
  OAUTH_MISSING_SERVER_METADATA: 'metadata_incomplete',
  OAUTH_INVALID_SERVER_METADATA: 'metadata_invalid',
  OAUTH_TIMEOUT: 'timeout',
};

// RFC 6749 §5.2: with these an operator can tell a wrong secret from a stale code.
const tokenErrors = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  // What Auth0 says of a client whose secret is another.
  'access_denied',
  // What Google and GitHub say of a redirect URI that nobody registered there.
  'redirect_uri_mismatch',
]);

/** Reduces whatever was thrown while talking to the provider to its kind. */
export function summarizeFailure(error: unknown): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  for (const link of causeChain(error)) {
    const { error: tokenError, kind, code } = link;
    if (typeof tokenError === 'string' && tokenErrors.has(tokenError)) return new ProviderFailure(tokenError);
    // The guarded fetch's own word for it lies deeper than the library's "something went wrong".
    if (link['name'] === 'OutboundError' && typeof kind === 'string') {
      return new ProviderFailure(kind.replace('-', '_'));
    }
    const known = typeof code === 'string' ? kindOfCode[code] : undefined;
    if (known !== undefined) return new ProviderFailure(known);
  }
  return new ProviderFailure('unexpected');
}

/**
 * Codes with which a provider says of a refresh token that it is over, or that nothing but a new login helps. Others
 * are about us, or about the moment.
 */
const finalRefusals = new Set([
  'invalid_grant',
  'access_denied',
  // OpenID Connect Core §3.1.2.6, which some send from the token endpoint as well.
  'interaction_required',
  'login_required',
  'consent_required',
]);

/**
 * Whether the token endpoint itself refused a refresh token for good. A 429 or 5xx is none, whatever its body says.
 * @see RFC 6749 §5.2
 */
export function isFinalRefusal(error: unknown): boolean {
  const said = causeChain(error).find((link) => typeof link['status'] === 'number');
  const { status, error: code } = said ?? {};
  return (status === 400 || status === 403) && typeof code === 'string' && finalRefusals.has(code);
}

/** Kinds that lie in one person's token, or in what was said of that person. */
const personalKinds = new Set([
  'claim_mismatch',
  'malformed',
  'token_time',
  'invalid_request',
  'invalid_grant',
  'invalid_scope',
  'oauth_error',
  // The provider itself had answered.
  'groups_unresolved',
]);

/** Whether a question about somebody else may well be answered: the provider is there, and means this person. */
export function isAboutPerson(error: unknown): boolean {
  const said = causeChain(error).find((link) => typeof link['status'] === 'number')?.['status'];
  const refused = said === undefined || said === 200 || said === 400 || said === 403;
  return refused && personalKinds.has(summarizeFailure(error).code);
}

/** Whether the ID token was refused for this claim: it is not there, or not what it has to be. */
export function isAboutClaim(error: unknown, claim: 'nonce' | 'sub'): boolean {
  return causeChain(error).some((link) => {
    if (link['claim'] === claim) return true;
    const { claims } = link;
    const isRead = typeof claims === 'object' && claims !== null && link['claim'] === undefined;
    return isRead && !Object.hasOwn(claims, claim);
  });
}

/** An error, its cause, the cause of that: plain objects included, for the library puts its details there. */
function causeChain(error: unknown): ReadonlyArray<Readonly<Record<string, unknown>>> {
  const chain: Array<Readonly<Record<string, unknown>>> = [];
  let link: unknown = error;
  while (typeof link === 'object' && link !== null && chain.length < 6) {
    const named: Readonly<Record<string, unknown>> = {
      ...link,
      name: 'name' in link ? link.name : undefined,
    };
    chain.push(named);
    link = 'cause' in link ? link.cause : undefined;
  }
  return chain;
}
