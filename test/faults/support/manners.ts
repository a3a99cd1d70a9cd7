import type { Answer } from './history.ts';

/** A refusal that a client would misread: it would throw its tokens away, or show a page to nobody. */
export interface Rudeness {
  readonly what: string;
  readonly answer: Answer;
}

/**
 * What the refusals in a history do wrong. An OAuth client survives 503 `temporarily_unavailable` with `Retry-After`
 * and nothing else: on other codes it forgets its credentials, and a 429 is not its fault here.
 */
export function checkManners(answers: readonly Answer[]): readonly Rudeness[] {
  return answers.flatMap((answer) => {
    const what = findRudeness(answer);
    return what === undefined ? [] : [{ what, answer }];
  });
}

function findRudeness({ operation, result }: Answer): string | undefined {
  if (result.outcome !== 'refused') return undefined;
  const { status, error, contentType = '', retryAfter } = result;
  if (status === 429) return 'a rate limit';
  if (error === 'server_error' || (status >= 500 && status !== 503)) return `a ${status}`;
  // People in front of a browser get pages; programs never.
  if (operation === 'authorize') return undefined;
  if (!contentType.startsWith('application/json')) return `${contentType || 'no type'} instead of JSON`;
  if (status !== 503) return undefined;
  if (error !== 'temporarily_unavailable') return `503 ${error}`;
  return Number(retryAfter) > 0 ? undefined : '503 without Retry-After';
}
