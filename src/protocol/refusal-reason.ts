/**
 * Every reason for which this system refuses something, and what a stranger may see of it.
 *
 * The key goes to metrics, logs and tests. `errorCode`, where present, is the machine-readable `error_code`
 * member of the JSON error body; dashboards of the predecessor read those values, so they never change.
 */
export const refusalReasons = {
  // requests of any endpoint
  body_too_large: {},
  body_malformed: {},
  content_type_unsupported: {},
  parameter_repeated: {},
  parameter_missing: {},
  parameter_malformed: {},
  query_forbidden: {},
  method_not_allowed: {},
  host_foreign: {},
  origin_foreign: {},
  target_malformed: {},
  not_found: {},
  rate_limited: {},
  // registration
  redirect_uri_invalid: {},
  client_metadata_invalid: {},
  client_name_invalid: {},
  // client
  client_id_missing: {},
  client_id_invalid: {},
  client_registration_expired: {},
  client_authentication_unsupported: {},
  client_mismatch: {},
  // authorization endpoint
  redirect_uri_missing: {},
  redirect_uri_not_registered: {},
  response_type_unsupported: {},
  response_mode_unsupported: {},
  pkce_missing: {},
  pkce_malformed: {},
  pkce_mismatch: {},
  resource_mismatch: {},
  scope_invalid: {},
  state_too_long: {},
  prompt_none: {},
  // consent and callback
  consent_token_invalid: {},
  consent_denied: {},
  browser_mismatch: {},
  cross_site_post: {},
  consent_replay: {},
  callback_state_invalid: {},
  callback_state_replay: { errorCode: 'callback_state_replay' },
  // identity provider
  idp_error: {},
  idp_unavailable: {},
  idp_exchange_failed: {},
  idp_exchange_throttled: { errorCode: 'idp_exchange_throttled' },
  id_token_verification_failed: { errorCode: 'id_token_verification_failed' },
  subject_missing: { errorCode: 'subject_missing' },
  email_unverified: { errorCode: 'email_not_verified' },
  group_invalid: { errorCode: 'group_invalid' },
  group: {},
  // token endpoint
  grant_type_unsupported: {},
  code_invalid: {},
  code_replay: { errorCode: 'code_replay' },
  refresh_token_invalid: {},
  refresh_family_revoked: { errorCode: 'refresh_family_revoked' },
  refresh_reuse_detected: { errorCode: 'refresh_reuse_detected' },
  token_revoked_iat_cutoff: {},
  grant_expired: {},
  token_issue_failed: { errorCode: 'token_issue_failed' },
  // bearer
  token_missing: {},
  invalid_token: {},
  token_expired: {},
  token_revoked: {},
  subject_concurrency_exceeded: {},
  // our own trouble
  replay_store_unavailable: { errorCode: 'replay_store_unavailable' },
  upstream_unavailable: {},
  upstream_timeout: {},
  upstream_credential_refused: {},
  upstream_malformed: {},
  upstream_redirected: {},
  shutting_down: {},
  internal: {},
} as const satisfies Record<string, { readonly errorCode?: string }>;

export type RefusalReason = keyof typeof refusalReasons;

/** The wire value of `error_code` for a reason, if it has one. */
export function findErrorCode(reason: RefusalReason): string | undefined {
  const entry: { readonly errorCode?: string } = refusalReasons[reason];
  return entry.errorCode;
}
