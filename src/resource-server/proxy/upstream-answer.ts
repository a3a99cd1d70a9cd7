import type { ClientFailure } from '../../platform/http1/response-sink.ts';
import type { GatehouseEvent } from '../../services/audit/events.ts';
import { type Refusal, refusals } from './refusal.ts';
import { buildResponseHead, type ResponseHead } from './response-headers.ts';

export type FailureKind = Extract<GatehouseEvent, { type: 'upstream_failed' }>['kind'];

/** Why a call did not end as the upstream's answer: what the client is told, and what is counted as the upstream's fault. */
export interface Failure {
  readonly refusal: Refusal;
  /** Undefined when the upstream is not to blame. */
  readonly kind: FailureKind | undefined;
}

export const failures = {
  unavailable: { refusal: refusals.upstreamUnavailable, kind: 'unavailable' },
  untrusted: { refusal: refusals.upstreamUntrusted, kind: 'untrusted' },
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
 * @param dropped names of headers that end here, in lower case
 */
export function judgeAnswer(
  status: number,
  rawHeaders: readonly string[],
  dropped: ReadonlySet<string>,
): AnswerVerdict {
  if (status < 200 || status > 599) return { outcome: 'failed', failure: failures.malformed };
  if (status < 400 && status >= 300) return { outcome: 'failed', failure: failures.redirect };
  if (status === 401) return { outcome: 'failed', failure: failures.credential };
  const head = buildResponseHead(rawHeaders, dropped);
  return head === undefined
    ? { outcome: 'failed', failure: failures.malformed }
    : { outcome: 'passed', head };
}

const byClientFailure: Readonly<Record<ClientFailure, Failure>> = {
  unreachable: failures.unavailable,
  untrusted: failures.untrusted,
  'connect-timeout': failures.timeout,
  'header-timeout': failures.timeout,
  reset: failures.reset,
  malformed: failures.malformed,
};

/** What a failure of the upstream client means. */
export function failureOf(failure: ClientFailure): Failure {
  return byClientFailure[failure];
}
