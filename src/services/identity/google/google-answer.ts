import { setTimeout as wait } from 'node:timers/promises';

import type { GuardedFetch, GuardedFetchInit } from '../../../platform/outbound/guarded-fetch.ts';
import { OutboundError } from '../../../platform/outbound/outbound-error.ts';
import { ProviderFailure } from '../provider-failure.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined: it is no JSON. */
  readonly body: unknown;
}

/** Longer ones are for somebody who has nobody waiting. */
const longestWaitMilliseconds = 2_000;
const usualWaitMilliseconds = 250;

/**
 * One request, its answer read.
 * @throws ProviderFailure `directory_timeout` or `directory_network`
 */
export async function ask(fetch: GuardedFetch, url: string, init: GuardedFetchInit): Promise<Answer> {
  try {
    const response = await fetch(url, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parseJson(text) };
  } catch (error) {
    const isTimeout =
      init.signal?.aborted === true || (error instanceof OutboundError && error.kind === 'timeout');
    throw new ProviderFailure(isTimeout ? 'directory_timeout' : 'directory_network');
  }
}

/**
 * The same, once more if Google is busy and says that it will soon be less so. Everything here may be asked twice.
 * @see https://developers.google.com/workspace/admin/directory/v1/limits (403 `quotaExceeded`, 429, 503)
 */
export async function askTwice(fetch: GuardedFetch, url: string, init: GuardedFetchInit): Promise<Answer> {
  const first = await ask(fetch, url, init);
  const pause = isBusy(first) ? readPause(first.headers.get('retry-after')) : undefined;
  if (pause === undefined) return first;
  const { signal } = init;
  await wait(pause, undefined, signal ? { signal } : {}).catch(() => {
    throw new ProviderFailure('directory_timeout');
  });
  return ask(fetch, url, init);
}

/** What an answer that is no success comes to, by what nothing more is known of. */
export function failureOf(answer: Answer): ProviderFailure {
  if (isBusy(answer)) return new ProviderFailure('directory_throttled');
  return new ProviderFailure(answer.status >= 500 ? 'directory_unavailable' : 'directory_malformed');
}

function isBusy(answer: Answer): boolean {
  const { status } = answer;
  return status === 429 || status === 503 || (status === 403 && hasReason(answer, quotaReasons));
}

const quotaReasons = ['quotaExceeded', 'rateLimitExceeded', 'userRateLimitExceeded', 'RATE_LIMIT_EXCEEDED'];

/**
 * Whether an error of Google's gives one of these reasons. Its messages are for people and change.
 * @see https://cloud.google.com/apis/design/errors#http_mapping; the Directory API has `errors[].reason` beside it
 */
export function hasReason({ body }: Answer, reasons: readonly string[]): boolean {
  const error = membersOf(membersOf(body)['error']);
  const listed = [...listOf(error['errors']), ...listOf(error['details'])].map(
    (each) => membersOf(each)['reason'],
  );
  return [error['status'], ...listed].some((each) => typeof each === 'string' && reasons.includes(each));
}

/** The members of a JSON object; none of anything else. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Undefined: too long to wait for. A date is not what Google sends. @see RFC 9110 §10.2.3 */
function readPause(retryAfter: string | null): number | undefined {
  if (retryAfter === null || !/^\d{1,6}$/.test(retryAfter)) return usualWaitMilliseconds;
  const milliseconds = Number(retryAfter) * 1_000;
  return milliseconds > longestWaitMilliseconds ? undefined : milliseconds;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
