import type { OAuthErrorCode } from '../../protocol/oauth-error.ts';
import { findErrorCode, type RefusalReason } from '../../protocol/refusal-reason.ts';
import type { RefusedCall } from '../admission/refused-calls.ts';
import { mountMethods } from './cors.ts';

/** An answer to a call that comes from us and not from the upstream. */
export interface Refusal {
  readonly status: number;
  readonly code: OAuthErrorCode;
  readonly description: string;
  readonly reason: RefusalReason;
  /** Name and value alternating. */
  readonly headers?: readonly string[];
  /** JSON, in place of the usual body. */
  readonly body?: string;
}

/**
 * Every refusal of the proxied path but those of admission. None that stands for trouble behind us is a 400, 404 or 405:
 * clients take those for a verdict on the protocol's version and start over in the older one.
 */
export const refusals = {
  originForeign: {
    status: 403,
    code: 'access_denied',
    description: 'Requests from this origin are not allowed',
    reason: 'origin_foreign',
  },
  targetMalformed: {
    status: 400,
    code: 'invalid_request',
    description: 'The request target is malformed',
    reason: 'target_malformed',
  },
  targetTooLong: {
    status: 414,
    code: 'invalid_request',
    description: 'The request target is too long',
    reason: 'target_malformed',
  },
  methodNotAllowed: {
    status: 405,
    code: 'method_not_allowed',
    description: `This endpoint takes ${mountMethods.join(', ')}`,
    reason: 'method_not_allowed',
    headers: ['Allow', mountMethods.join(', ')],
  },
  tokenInQuery: {
    status: 400,
    code: 'invalid_request',
    description: 'An access token belongs into the Authorization header alone',
    reason: 'query_forbidden',
  },
  headerRepeated: {
    status: 400,
    code: 'invalid_request',
    description: 'A request header that has one value is repeated',
    reason: 'parameter_repeated',
  },
  bodyUnexpected: {
    status: 400,
    code: 'invalid_request',
    description: 'A request of this method has no body',
    reason: 'body_malformed',
  },
  bodyTooLarge: {
    status: 413,
    code: 'invalid_request',
    description: 'The request body is too large',
    reason: 'body_too_large',
  },
  sessionForeign: {
    status: 404,
    code: 'not_found',
    description: 'There is no such session; begin a new one',
    reason: 'session_foreign',
  },
  tooManyCalls: {
    status: 503,
    code: 'temporarily_unavailable',
    description: 'Too many calls of this person are in flight',
    reason: 'subject_concurrency_exceeded',
    headers: ['Retry-After', '1'],
  },
  tooManyStreams: {
    status: 429,
    code: 'temporarily_unavailable',
    description: 'This person has too many event streams open',
    reason: 'subject_streams_exceeded',
    headers: ['Retry-After', '5'],
  },
  upstreamUnavailable: {
    status: 502,
    code: 'bad_gateway',
    description: 'The MCP server behind this gateway cannot be reached',
    reason: 'upstream_unavailable',
    headers: ['Retry-After', '2'],
  },
  upstreamUntrusted: {
    status: 502,
    code: 'bad_gateway',
    description: 'The MCP server behind this gateway does not prove that it is the one',
    reason: 'upstream_untrusted',
  },
  upstreamBroke: {
    status: 502,
    code: 'bad_gateway',
    description: 'The MCP server behind this gateway broke off before it answered',
    reason: 'upstream_unavailable',
  },
  upstreamMalformed: {
    status: 502,
    code: 'bad_gateway',
    description: 'The MCP server behind this gateway gave an answer that cannot be passed on',
    reason: 'upstream_malformed',
  },
  upstreamRedirected: {
    status: 502,
    code: 'bad_gateway',
    description: 'The MCP server behind this gateway answered with a redirect, which is not followed',
    reason: 'upstream_redirected',
  },
  upstreamTimeout: {
    status: 504,
    code: 'bad_gateway',
    description: 'The MCP server behind this gateway did not answer in time',
    reason: 'upstream_timeout',
  },
  // A 401 passed on would be taken for ours: the client would throw away a good token and log in again, for ever.
  upstreamCredential: {
    status: 502,
    code: 'bad_gateway',
    description: 'The MCP server behind this gateway does not accept the credential of the gateway',
    reason: 'upstream_credential_refused',
  },
  internal: {
    status: 500,
    code: 'server_error',
    description: 'Something went wrong here',
    reason: 'internal',
  },
} as const satisfies Record<string, Refusal>;

/** The refusal that a negative admission becomes on the wire. */
export function refuseAdmission(call: RefusedCall): Refusal {
  const known = ofAdmission.get(call);
  if (known !== undefined) return known;
  const refusal: Refusal = {
    status: call.status,
    code: call.error ?? 'invalid_request',
    description: call.description,
    reason: call.reason,
    headers: [
      ...(call.challenge === undefined ? [] : ['WWW-Authenticate', call.challenge]),
      ...(call.retryAfterSeconds === undefined ? [] : ['Retry-After', String(call.retryAfterSeconds)]),
    ],
  };
  ofAdmission.set(call, refusal);
  return refusal;
}

/** Admission has a handful of refusals, each the same object for every call; a flood of bad tokens formats none twice. */
const ofAdmission = new WeakMap<RefusedCall, Refusal>();

/** A call over the rate that one address has. */
export function refuseRate(retryAfterSeconds: number): Refusal {
  return {
    status: 429,
    code: 'temporarily_unavailable',
    description: 'Too many requests; slow down',
    reason: 'rate_limited',
    headers: ['Retry-After', String(retryAfterSeconds)],
  };
}

/** The wire form of a refusal: headers, name and value alternating, and the JSON body. */
export function formatRefusal(refusal: Refusal): RefusalText {
  const known = formatted.get(refusal);
  if (known !== undefined) return known;
  const errorCode = findErrorCode(refusal.reason);
  const body =
    refusal.body ??
    JSON.stringify({
      error: refusal.code,
      error_description: refusal.description,
      ...(errorCode === undefined ? {} : { error_code: errorCode }),
    });
  const text = {
    headers: ['Content-Type', 'application/json', 'Cache-Control', 'no-store', ...(refusal.headers ?? [])],
    body,
  };
  formatted.set(refusal, text);
  return text;
}

interface RefusalText {
  readonly headers: readonly string[];
  readonly body: string;
}

const formatted = new WeakMap<Refusal, RefusalText>();
