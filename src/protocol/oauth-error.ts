import type { RefusalReason } from './refusal-reason.ts';
import type { VerifiedRedirectUri } from './redirect-uri.ts';

/** Wire error codes this system sends, with the HTTP status each has unless the thrower says otherwise. */
const statusOfCode = {
  // RFC 6749 §4.1.2.1 and §5.2
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  unsupported_response_type: 400,
  invalid_scope: 400,
  access_denied: 403,
  server_error: 500,
  temporarily_unavailable: 503,
  // RFC 8628 §3.5
  authorization_pending: 400,
  slow_down: 400,
  expired_token: 400,
  // RFC 8707 §2
  invalid_target: 400,
  // RFC 9449 §12.2
  invalid_dpop_proof: 400,
  use_dpop_nonce: 400,
  // RFC 7591 §3.2.2
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  // RFC 6750 §3.1
  invalid_token: 401,
  insufficient_scope: 403,
  // OpenID Connect Core §3.1.2.6
  login_required: 400,
  consent_required: 400,
  // ours, for paths that are no OAuth endpoint
  not_found: 404,
  method_not_allowed: 405,
  bad_gateway: 502,
} as const;

export type OAuthErrorCode = keyof typeof statusOfCode;

export interface OAuthErrorOptions {
  readonly reason: RefusalReason;
  /** HTTP status, where it differs from the code's own. */
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  /** Extra response headers, e.g. `WWW-Authenticate` or `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Path of a page of ours where a person begins anew. Absent: where they came from, their application. */
  readonly startAt?: string | undefined;
  /** Stays in the process: logged by kind, never sent. */
  readonly cause?: unknown;
}

/** A refusal that a client may see. `description` is safe for strangers; `reason` is ours, for metrics and logs. */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode;
  readonly description: string;
  readonly reason: RefusalReason;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly startAt: string | undefined;

  constructor(code: OAuthErrorCode, description: string, options: OAuthErrorOptions) {
    super(`${code}: ${description}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OAuthError';
    this.code = code;
    this.description = description;
    this.reason = options.reason;
    this.status = options.status ?? statusOfCode[code];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
    this.startAt = options.startAt;
  }

  /** The same refusal for somebody who begins anew at a page of ours. */
  startingAt(path: string): OAuthError {
    const { code, description, reason, status, retryAfterSeconds, headers, cause } = this;
    const waiting = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
    return new OAuthError(code, description, { reason, status, ...waiting, headers, cause, startAt: path });
  }
}

/** Why somebody who is logged in gets no further, for their own eyes: none of it is for the client. */
export interface PersonNotice {
  /** By which they know themselves: an address or a name. */
  readonly account: string;
  /** What they may not use, by its name for people. */
  readonly service: string;
  /** The account is the right one, and the login not of the kind that is needed. */
  readonly isAboutLogin: boolean;
  /** The account is the right one, and has more groups than fit into a token. */
  readonly isAboutGroups?: boolean;
  readonly contact: string | undefined;
}

/**
 * A refusal that the client learns by redirect. It can only be made with a redirect URI that was matched against
 * the client's registration: everything else stays on a page of ours (RFC 6749 §4.1.2.1).
 */
export class AuthorizationError extends OAuthError {
  readonly redirectUri: VerifiedRedirectUri;
  readonly state: string | undefined;
  /** Whether a person has acted in this flow already (RFC 9700 §4.11.2). */
  readonly afterHumanStep: boolean;
  /** Told to the person before they return: another try with the same account ends in the same way. */
  readonly notice: PersonNotice | undefined;

  constructor(
    code: OAuthErrorCode,
    description: string,
    options: OAuthErrorOptions & {
      readonly redirectUri: VerifiedRedirectUri;
      readonly state: string | undefined;
      readonly afterHumanStep: boolean;
      readonly notice?: PersonNotice;
    },
  ) {
    super(code, description, options);
    this.name = 'AuthorizationError';
    this.redirectUri = options.redirectUri;
    this.state = options.state;
    this.afterHumanStep = options.afterHumanStep;
    this.notice = options.notice;
  }
}

/** The store did not answer: refuse, and say it in the one way after which clients keep their credentials. */
export function storeUnavailable(cause: unknown): OAuthError {
  return new OAuthError('temporarily_unavailable', 'The session store is not available; try again shortly', {
    reason: 'replay_store_unavailable',
    retryAfterSeconds: 2,
    cause,
  });
}
