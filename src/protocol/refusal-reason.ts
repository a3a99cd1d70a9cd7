/**
 * Every reason for which this system refuses something, and what a stranger may see of it.
 *
 * The key goes to metrics, logs and tests; `meaning`, one sentence for operators, to the reference page. `errorCode`,
 * where present, is the machine-readable `error_code` member of the JSON error body; dashboards of the predecessor
 * read those values, so they never change.
 */
export const refusalReasons = {
  // requests of any endpoint
  request_malformed: {
    meaning: 'The request is no HTTP/1.1 that has one meaning: framing, header lines or Host.',
  },
  headers_too_large: { meaning: 'The head of the request is larger than 16 KiB or has more than 100 lines.' },
  request_timeout: {
    meaning: 'The request was not there in whole within a minute, its head within 10 seconds.',
  },
  pipelining_excessive: {
    meaning:
      'More than 32 requests of one connection waited for their answers, or 64 kB behind one; the connection was cut.',
  },
  body_too_large: { meaning: 'The request body is larger than the endpoint takes.' },
  body_malformed: {
    meaning: 'The request body is not what its content type says, or has a content encoding.',
  },
  content_type_unsupported: { meaning: 'The content type of the request is not the one of the endpoint.' },
  parameter_repeated: { meaning: 'A parameter came more than once.' },
  parameter_missing: { meaning: 'A parameter that the endpoint needs is absent or empty.' },
  parameter_malformed: { meaning: 'A parameter does not have the form its specification gives it.' },
  query_forbidden: { meaning: 'A query string came with a request whose parameters belong into the body.' },
  method_not_allowed: { meaning: 'The endpoint does not know the HTTP method.' },
  host_foreign: {
    meaning:
      'PROXY_BASE_URL is on loopback, and the Host of the request is not: a web page whose name was pointed at this machine, or a proxy that passes another Host on.',
  },
  origin_foreign: {
    meaning: 'A web page of an origin that is not allowed sent the request (ALLOWED_ORIGINS).',
  },
  target_malformed: {
    meaning: 'The path has dot segments, encoded separators or other spellings that leave the mount.',
  },
  not_found: { meaning: 'Nothing is served at this path.' },
  rate_limited: { meaning: 'Too many requests from this address within a minute.' },
  client_rate_limited: {
    meaning: 'Too many refreshes of this grant, or of this person with this client, within a minute.',
  },
  // registration
  redirect_uri_invalid: { meaning: 'A redirect URI is not one that may be registered.' },
  client_metadata_invalid: { meaning: 'The registration has metadata that is malformed or not supported.' },
  client_name_invalid: { meaning: 'The client name is too long or has characters that cannot be seen.' },
  // client
  client_id_missing: { meaning: 'The request names no client.' },
  client_id_invalid: {
    meaning:
      'The client id was not issued here, its signing secret is gone, or none of its redirect URIs is accepted any more; the client has to register again.',
  },
  client_registration_expired: {
    meaning: 'The registration is past CLIENT_REGISTRATION_TTL; the client has to register again.',
  },
  client_denied: {
    meaning: 'The client was deleted through its registration, or denied with `gatehouse clients deny`.',
  },
  client_id_url_invalid: {
    meaning:
      'The client id is a URL that no metadata document may have: a query, a dot segment, a host without a domain.',
  },
  client_host_refused: {
    meaning: 'The host of the client id is not in CIMD_ALLOWED_HOSTS, or it is in CIMD_DENIED_HOSTS.',
  },
  client_document_invalid: {
    meaning: 'What is at the client id URL is no metadata document of that name, or none that is accepted.',
  },
  client_document_unavailable: {
    meaning:
      'The metadata document cannot be read now: no answer, a certificate that does not count, or an address that is not public.',
  },
  client_document_throttled: {
    meaning: 'Too many metadata documents are being read, in all or of this host; it passes within a minute.',
  },
  registration_token_invalid: {
    meaning: 'The registration access token is not the one of the client, or the client is gone.',
  },
  introspection_client_invalid: {
    meaning: 'Whoever asks about a token is none of INTROSPECTION_CLIENTS, or has another secret.',
  },
  client_authentication_unsupported: {
    meaning:
      'The client does not authenticate as it is registered: with nothing, with a secret in the header or in the body, or by a signed assertion.',
  },
  client_authentication_ambiguous: {
    meaning: 'The request has credentials of several kinds, or names two clients.',
  },
  client_authentication_failed: {
    meaning: 'The secret of the client is wrong, or its assertion is not signed with a key of the client.',
  },
  client_assertion_invalid: {
    meaning:
      'The assertion is no JWT of this client: another algorithm or type, issuer or subject, no `jti`, or good for more than five minutes.',
  },
  client_assertion_audience: {
    meaning:
      'The assertion is for another server, or for several: `aud` must be the issuer and nothing else.',
  },
  client_assertion_expired: {
    meaning: 'The assertion is over, or has no end; often the clock of the client is wrong.',
  },
  client_assertion_replay: { meaning: 'The assertion was used before.' },
  client_assertion_forgotten: {
    meaning: 'The store may have forgotten whether the assertion was used before; the next one is taken.',
  },
  client_keys_invalid: {
    meaning:
      'What is at the `jwks_uri` of the client is no set of public keys, or has none that is accepted.',
  },
  client_keys_unavailable: { meaning: 'The `jwks_uri` of the client cannot be read now.' },
  client_mismatch: { meaning: 'The code or token was issued to another client.' },
  // authorization endpoint
  redirect_uri_missing: { meaning: 'The authorization request has no redirect URI.' },
  redirect_uri_not_registered: { meaning: 'The redirect URI is not one that the client registered.' },
  response_type_unsupported: { meaning: 'The response type is not `code`.' },
  response_mode_unsupported: { meaning: 'The response mode is not `query`.' },
  pkce_missing: { meaning: 'The code challenge or the code verifier is absent.' },
  pkce_malformed: { meaning: 'The code challenge or verifier is malformed, or its method is not S256.' },
  pkce_mismatch: { meaning: 'The code verifier does not fit the code challenge.' },
  resource_mismatch: { meaning: 'The requested resource is not the one served here.' },
  scope_invalid: { meaning: 'The scope parameter is malformed.' },
  scope_unknown: { meaning: 'None of the requested scopes is one that the mount declares.' },
  identity_assertion_invalid: {
    meaning: 'What the client presents is no ID-JAG: its type, algorithm, times or another member is wrong.',
  },
  identity_assertion_issuer: {
    meaning: 'The assertion is of an issuer that is not among `trusted_issuers`.',
  },
  identity_assertion_audience: { meaning: 'The assertion is meant for another server, or for several.' },
  identity_assertion_client: {
    meaning: 'The assertion was given to another client, or the trusted issuer may not send this one.',
  },
  identity_assertion_expired: { meaning: 'The assertion is past its end.' },
  identity_assertion_unsigned: { meaning: 'No key of the trusted issuer has signed the assertion.' },
  identity_assertion_resource: {
    meaning: 'The assertion is for a resource that is not served here, or not open to its issuer.',
  },
  identity_assertion_replay: {
    meaning: 'The assertion was used before, or the store may have forgotten whether it was.',
  },
  issuer_keys_unavailable: { meaning: 'The keys of a trusted issuer cannot be read now.' },
  client_resource_refused: { meaning: 'The operator does not let the client have tokens for this resource.' },
  client_scope_refused: { meaning: 'The operator lets the client have none of the scopes it asks for.' },
  scope_exceeded: { meaning: 'A refresh asks for a scope that the person did not grant.' },
  state_too_long: { meaning: 'The state parameter is longer than can be carried.' },
  prompt_none: { meaning: 'The client asked for an answer without a person, and a person is needed.' },
  // consent and callback
  consent_token_invalid: { meaning: 'The consent form is expired, altered or of another server.' },
  browser_mismatch: { meaning: 'Another browser goes on with the login than the one that began it.' },
  cross_site_post: { meaning: 'A form of ours was posted by a page that is not ours.' },
  cross_site_background: {
    meaning:
      'A page of another site loaded the account page as a picture, in a frame or by a script. It is not counted.',
  },
  account_session_over: {
    meaning: 'Somebody used a button of the account page after their ten minutes, or signed out.',
  },
  account_form_invalid: {
    meaning:
      'A form of the account page came without the value that binds it to the sign-in, or with another one’s.',
  },
  account_grant_unknown: {
    meaning:
      'On the account page, somebody wanted to end a grant that is over, or none of theirs. Nothing was ended.',
  },
  callback_state_invalid: {
    meaning: 'The state that came back from the identity provider is expired, altered or of another server.',
  },
  callback_state_replay: {
    errorCode: 'callback_state_replay',
    meaning: 'The answer of the identity provider was used before.',
  },
  // device authorization
  user_code_unknown: {
    meaning:
      'No device waits with the code that a person typed: mistyped, answered, older than ten minutes, or guessed.',
  },
  device_state_invalid: {
    meaning: 'What a person answered belongs to a device code that is over, or to another server.',
  },
  device_answered: { meaning: 'Somebody answered the device before.' },
  // identity provider
  idp_error: { meaning: 'The identity provider answered with an error.' },
  idp_unavailable: { meaning: 'The identity provider does not answer.' },
  idp_exchange_failed: { meaning: 'The identity provider did not exchange its code.' },
  identity_provider_refused: {
    meaning:
      'The identity provider that was chosen is none at which people of this server may log in, or none is chosen of several.',
  },
  identity_provider_mismatch: {
    meaning:
      'An answer came to the callback of another identity provider than the login was started at: a mix-up. Nothing was sent anywhere.',
  },
  idp_exchange_throttled: {
    errorCode: 'idp_exchange_throttled',
    meaning: 'More logins per second than IDP_EXCHANGE_RATE_PER_SEC allows.',
  },
  id_token_verification_failed: {
    errorCode: 'id_token_verification_failed',
    meaning: 'The ID token does not stand up to the checks of OpenID Connect.',
  },
  login_too_old: {
    meaning: 'The login at the identity provider is older than `prompt=login` or `max_age` allow.',
  },
  login_time_unsaid: {
    meaning:
      'The client asked for a recent login (`prompt=login` or `max_age`), and the ID token has no `auth_time`: the browser took the demand out on its way, or the identity provider does not say it, which some do only when it is switched on for the client there.',
  },
  subject_missing: { errorCode: 'subject_missing', meaning: 'The ID token names no subject.' },
  email_unverified: {
    errorCode: 'email_not_verified',
    meaning: 'The identity provider says that the e-mail address is not verified.',
  },
  group_invalid: {
    errorCode: 'group_invalid',
    meaning: 'A group name has characters that would split the header it travels in.',
  },
  groups_unresolved: {
    meaning:
      'The person is in more groups than the token of the identity provider lists, and the place that knows them was not configured or did not answer (ENTRA_GRAPH_URL).',
  },
  groups_too_many: {
    meaning:
      'The groups of the person do not fit into a code or a token. Have the identity provider say fewer of them (docs/identity-providers/README.md#too-many-groups).',
  },
  group: { meaning: 'The groups of the person are not those of ALLOWED_GROUPS or of the entry rules.' },
  entry_subject: { meaning: 'The entry rules do not let this account (`subjects`) in.' },
  entry_email: {
    meaning: 'The entry rules do not let this e-mail address in, or none is verified (`emails`).',
  },
  entry_domain: {
    meaning: 'The entry rules do not let this e-mail domain in, or no address is verified (`domains`).',
  },
  entry_acr: {
    meaning:
      'The identity provider does not say that the login was of a class (`acr`) that the entry rules ask for.',
  },
  entry_amr: {
    meaning:
      'The identity provider does not say that the login was made by all methods (`amr`) that the entry rules ask for.',
  },
  entry_age: {
    meaning:
      'The login is longer ago than the entry rules allow (`max_authentication_age`), or nobody says when it was.',
  },
  account_inactive: {
    meaning: 'The directory of the organisation says that the account is suspended, archived or deleted.',
  },
  directory_unanswered: {
    meaning:
      'The directory of the organisation could not be asked about the account (GOOGLE_DIRECTORY); the log says what it lacks.',
  },
  claim_required: {
    meaning: 'The account is of another organisation than may enter, such as another GOOGLE_HOSTED_DOMAIN.',
  },
  identity_gone: {
    meaning:
      'The identity provider no longer vouches for the person, or is not the one they logged in at; the grant is revoked.',
  },
  identity_recheck_unanswered: {
    meaning:
      'The identity provider cannot say now whether the person is still there, for longer than IDENTITY_RECHECK_GRACE.',
  },
  identity_recheck_impossible: {
    meaning:
      'The identity provider gave no refresh token to ask again with, and IDENTITY_RECHECK is `required`.',
  },
  logout_token_invalid: {
    meaning: 'The logout token is not one that the identity provider made for this server, or it is too old.',
  },
  logout_token_replay: { meaning: 'The logout token was used before.' },
  // token endpoint
  grant_type_refused: { meaning: 'The client is not registered for the grant type.' },
  grant_type_unsupported: {
    meaning: 'The grant type is not one that exists here, or it is not switched on.',
  },
  code_invalid: { meaning: 'The authorization code is expired, altered, unknown or of another request.' },
  code_replay: {
    errorCode: 'code_replay',
    meaning: 'The authorization code was used before; the grant is revoked.',
  },
  device_code_invalid: {
    meaning: 'The device code was not issued here, or its person came after the cut-off.',
  },
  device_code_expired: {
    meaning: 'The device code is older than ten minutes, or what became of it is not known any more.',
  },
  device_code_replay: {
    meaning: 'The device code was exchanged before; the grant is revoked.',
  },
  device_denied: { meaning: 'The person denied what the device asks for.' },
  authorization_pending: { meaning: 'Nobody has answered the device yet; it asks again. No fault.' },
  polled_too_often: {
    meaning: 'The device asks more often than it may; from now on it has to wait five seconds longer.',
  },
  refresh_token_invalid: { meaning: 'The refresh token is expired, altered or unknown.' },
  refresh_family_revoked: {
    errorCode: 'refresh_family_revoked',
    meaning: 'The grant of the refresh token is revoked.',
  },
  refresh_reuse_detected: {
    errorCode: 'refresh_reuse_detected',
    meaning: 'The refresh token was used before, outside REFRESH_RACE_GRACE_SEC; the grant is revoked.',
  },
  token_revoked_iat_cutoff: { meaning: 'The grant is from before REVOKE_BEFORE.' },
  grant_expired: { meaning: 'The grant is older than GRANT_LIFETIME; the person has to log in again.' },
  refresh_in_progress: {
    meaning: 'Another process is refreshing the same token and takes longer than can be waited for.',
  },
  token_issue_failed: {
    errorCode: 'token_issue_failed',
    meaning: 'The tokens could not be made: what is known of the person or the client does not fit.',
  },
  // bearer
  token_missing: { meaning: 'The call carries no bearer token.' },
  invalid_token: { meaning: 'The bearer token was not issued here or is altered.' },
  token_expired: { meaning: 'The bearer token is expired; the client refreshes it.' },
  token_revoked: { meaning: 'The grant of the bearer token is revoked.' },
  trust_withdrawn: {
    meaning:
      'The bearer token came of an assertion of an issuer that is not under `trusted_issuers` any more, or not for this client or mount.',
  },
  token_type_refused: {
    meaning:
      'The mount accepts JWTs of another issuer, and this one does not say that it is an access token (`typ: at+jwt`); where the issuer never says it, write `typ: any`.',
  },
  token_issuer_foreign: {
    meaning:
      'The mount accepts tokens of another issuer, and `iss` of this one is not that issuer, byte for byte.',
  },
  token_claims_unusable: {
    meaning:
      'The mount accepts tokens of another issuer, and this one is good but does not say what is needed: `sub`, `iat` or `exp` is missing, or a group has characters that would split the header it travels in.',
  },
  token_issuer_unavailable: {
    meaning:
      'The mount accepts tokens of another issuer, and its keys, or its word about the token, cannot be had now.',
  },
  token_checks_exceeded: {
    meaning: 'More tokens of another issuer came at once than are checked at a time.',
  },
  scope_insufficient: {
    meaning:
      'The token lacks a scope that the call needs; the answer names all of them, and the client asks the person for more.',
  },
  policy_denied: {
    meaning:
      'The policy of the mount does not allow the call; `gatehouse check-policy` says which rule decides.',
  },
  header_mismatch: {
    meaning:
      'A header that repeats a part of the JSON-RPC body does not say what the body says, or is missing.',
  },
  session_foreign: {
    meaning:
      'The session id was given to another person or client, at another mount, or before SESSION_BINDING was on; clients begin a new session.',
  },
  subject_streams_exceeded: { meaning: 'The person has MCP_PER_SUBJECT_STREAMS event streams open.' },
  subject_concurrency_exceeded: { meaning: 'The person has MCP_PER_SUBJECT_CONCURRENCY calls under way.' },
  // proofs of keys
  dpop_proof_missing: {
    meaning:
      'A DPoP proof is needed, because of DPOP, of the mount, or of what the token is bound to, and none came.',
  },
  dpop_proof_invalid: {
    meaning:
      'The DPoP proof is malformed, signed otherwise than its key says, or for another request or token.',
  },
  dpop_proof_stale: {
    meaning:
      'The time of the DPoP proof is more than a minute from ours: an old proof, or the clock of the client.',
  },
  dpop_nonce_needed: {
    meaning:
      'DPOP_NONCE is on, and the DPoP proof names no nonce of the last two minutes. The answer names one; a client that knows nonces makes another proof with it by itself.',
  },
  dpop_proof_replayed: { meaning: 'The DPoP proof has been used before.' },
  dpop_proof_forgotten: {
    meaning:
      'The store may have lost its marks of used DPoP proofs since this one was made; a new one is taken.',
  },
  dpop_proofs_exceeded: {
    meaning: 'More DPoP proofs came within two minutes than are remembered; the call can be made again.',
  },
  dpop_key_mismatch: { meaning: 'The DPoP proof is of another key than the one that the token is bound to.' },
  token_bound: {
    meaning:
      'The token is bound to a key and came as a bearer token: stolen, or of a client that lost its key. Where a mount accepts tokens of another issuer: no bound one is accepted (`cnf`).',
  },
  token_unbound: { meaning: 'The token is bound to no key, and came as if it were or where it has to be.' },
  // our own trouble
  replay_store_unavailable: {
    errorCode: 'replay_store_unavailable',
    meaning: 'The store does not answer; nothing is issued without it.',
  },
  upstream_unavailable: { meaning: 'The upstream does not answer.' },
  upstream_untrusted: {
    meaning:
      'The certificate of the upstream is expired, of another name, or of an authority that neither UPSTREAM_CA_FILE nor, without it, the system knows; nothing was sent.',
  },
  upstream_timeout: { meaning: 'The upstream sent no response headers within UPSTREAM_HEADER_TIMEOUT.' },
  upstream_credential_refused: { meaning: 'The upstream refused UPSTREAM_AUTHORIZATION_HEADER.' },
  upstream_malformed: { meaning: 'The upstream answered with something that is no HTTP response.' },
  upstream_answer_unreadable: {
    meaning:
      'The mount has a policy, and the upstream gave an answer in which lists cannot be checked: no JSON, compressed, or too large.',
  },
  upstream_redirected: {
    meaning:
      'The upstream answered with a redirect that is not followed: out of the mount, in a loop, or of a call that cannot be sent again.',
  },
  internal: { meaning: 'A fault of this server; the log has it under the request id.' },
} as const satisfies Record<string, RefusalEntry>;

interface RefusalEntry {
  /** One sentence for operators. */
  readonly meaning: string;
  readonly errorCode?: string;
}

export type RefusalReason = keyof typeof refusalReasons;

/** The wire value of `error_code` for a reason, if it has one. */
export function findErrorCode(reason: RefusalReason): string | undefined {
  const entry: RefusalEntry = refusalReasons[reason];
  return entry.errorCode;
}
