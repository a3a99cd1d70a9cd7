import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import { formatBearerChallenge } from '../../protocol/www-authenticate.ts';
import type { ProtectedResource } from '../../services/resources/resource.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';

export interface RefusedCall {
  readonly outcome: 'refused';
  readonly status: 401 | 403 | 503;
  /** Value of `WWW-Authenticate`; the same text for the same reason, always. Absent: another token would not help. */
  readonly challenge?: string;
  readonly reason: RefusalReason;
  /** Absent when no bearer credential was presented (RFC 6750 §3). */
  readonly error?:
    'invalid_token' | 'invalid_dpop_proof' | 'use_dpop_nonce' | 'access_denied' | 'temporarily_unavailable';
  readonly description: string;
  readonly retryAfterSeconds?: number;
  /** Whose call it was, where the token was good: for the record alone. */
  readonly grant?: GrantTerms;
}

/** What tokens must be bound to; its metadata is named by every challenge (RFC 9728 §5.1). */
export type AdmittingResource = Pick<ProtectedResource, 'identifier' | 'metadataUrl' | 'scopes'>;

const badTokens = {
  invalid_token: 'The access token is not valid',
  // Said before the signature was looked at: a stranger hears what everybody hears.
  token_type_refused: 'The access token is not valid',
  token_issuer_foreign: 'The access token is not valid',
  token_expired: 'The access token has expired',
  resource_mismatch: 'The access token is not for this resource',
  token_revoked: 'The access token has been revoked',
  token_revoked_iat_cutoff: 'The access token is from before the revocation date',
  trust_withdrawn: 'The access token has been revoked',
  token_bound: 'The access token is bound to a key, and is no bearer token',
  token_claims_unusable: 'The access token does not say what is needed here',
  entry_acr: 'The login behind the access token is not of the kind that is needed here',
  entry_amr: 'The login behind the access token is not of the kind that is needed here',
  entry_age: 'The login behind the access token is too long ago',
} as const satisfies Partial<Record<RefusalReason, string>>;

/** Why a token is refused with 401. */
export type BadToken = keyof typeof badTokens;

export type RefusedCalls = Readonly<Record<BadToken | 'token_missing', RefusedCall>>;

/** Every refusal there is, made once: nothing of a request can get into a challenge, and clients see equal bytes. */
export function prepareRefusals(resource: AdmittingResource): RefusedCalls {
  const { defaults } = resource.scopes;
  const guidance = {
    resourceMetadata: resource.metadataUrl,
    ...(defaults.length === 0 ? {} : { scope: defaults.join(' ') }),
  };
  const invalid = (reason: BadToken): RefusedCall => ({
    outcome: 'refused',
    status: 401,
    challenge: formatBearerChallenge({
      ...guidance,
      error: 'invalid_token',
      errorDescription: badTokens[reason],
    }),
    reason,
    error: 'invalid_token',
    description: badTokens[reason],
  });
  return {
    token_missing: {
      outcome: 'refused',
      status: 401,
      challenge: formatBearerChallenge(guidance),
      reason: 'token_missing',
      description: 'A bearer access token is required',
    },
    invalid_token: invalid('invalid_token'),
    token_type_refused: invalid('token_type_refused'),
    token_issuer_foreign: invalid('token_issuer_foreign'),
    token_expired: invalid('token_expired'),
    resource_mismatch: invalid('resource_mismatch'),
    token_revoked: invalid('token_revoked'),
    token_revoked_iat_cutoff: invalid('token_revoked_iat_cutoff'),
    trust_withdrawn: invalid('trust_withdrawn'),
    token_bound: invalid('token_bound'),
    token_claims_unusable: invalid('token_claims_unusable'),
    entry_acr: invalid('entry_acr'),
    entry_amr: invalid('entry_amr'),
    entry_age: invalid('entry_age'),
  };
}
