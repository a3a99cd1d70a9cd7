import { errors } from 'undici';

import type { GatehouseEvent } from '../../services/audit/events.ts';
import { type Refusal, refusals } from './refusal.ts';
import { BodyTooLargeError } from './request-body.ts';
import { buildResponseHead, type ResponseHead } from './response-headers.ts';

type FailureKind = Extract<GatehouseEvent, { type: 'upstream_failed' }>['kind'];

/** Why a call did not end as the upstream's answer: what the client is told, and what is counted as the upstream's fault. */
export interface Failure {
  readonly refusal: Refusal;
  /** Undefined when the upstream is not to blame. */
  readonly kind: FailureKind | undefined;
}

export const failures = {
  unavailable: { refusal: refusals.upstreamUnavailable, kind: 'unavailable' },
  timeout: { refusal: refusals.upstreamTimeout, kind: 'timeout' },
  reset: { refusal: refusals.upstreamBroke, kind: 'reset' },
  malformed: { refusal: refusals.upstreamMalformed, kind: 'malformed' },
  redirect: { refusal: refusals.upstreamRedirected, kind: 'redirect' },
  credential: { refusal: refusals.upstreamCredential, kind: 'credential' },
  bodyTooLarge: { refusal: refusals.bodyTooLarge, kind: undefined },
  internal: { refusal: refusals.internal, kind: undefined },
} as const satisfies Record<string, Failure>;

export type AnswerVerdict =
  | { readonly outcome: 'passed'; readonly head: ResponseHead }
  | { readonly outcome: 'failed'; readonly failure: Failure };

/**
 * Judges the head of the upstream's answer. Client errors pass with their bodies, whatever they say: clients read the
 * protocol's version out of 400, 404 and 405. What only concerns the gateway's own standing with the upstream (401,
 * redirects, interim answers, upgrades) does not.
 * @param rawHeaders name and value alternating
 */
export function judgeAnswer(status: number, rawHeaders: readonly string[]): AnswerVerdict {
  if (status < 200 || status > 599) return { outcome: 'failed', failure: failures.malformed };
  if (status < 400 && status >= 300) return { outcome: 'failed', failure: failures.redirect };
  if (status === 401) return { outcome: 'failed', failure: failures.credential };
  const head = buildResponseHead(status, rawHeaders);
  return head === undefined
    ? { outcome: 'failed', failure: failures.malformed }
    : { outcome: 'passed', head };
}

const misframed = [
  errors.HTTPParserError,
  errors.HeadersOverflowError,
  errors.ResponseContentLengthMismatchError,
];

/**
 * What an error of the upstream client means.
 * @param connected whether a connection was there to send the call on
 */
export function classifyError(error: Error, connected: boolean): Failure {
  if (error instanceof BodyTooLargeError) return failures.bodyTooLarge;
  if (error instanceof errors.ConnectTimeoutError || error instanceof errors.HeadersTimeoutError) {
    return failures.timeout;
  }
  if (misframed.some((type) => error instanceof type)) return failures.malformed;
  if (error instanceof errors.SocketError && /^bad (?:response|upgrade)$/.test(error.message)) {
    return failures.malformed;
  }
  // A head that the client does not want to write is our bug, not the upstream's.
  if (error instanceof errors.InvalidArgumentError) return failures.internal;
  return connected ? failures.reset : failures.unavailable;
}
