import { ProviderFailure } from '../provider-failure.ts';

/**
 * The text of a source's answer. A redirect is none: what was asked is there, or is not.
 * @throws ProviderFailure `client_token_refused` (4xx), `client_token_unanswered` (5xx, no answer in time),
 * `client_token_malformed` (too large, or anything else)
 */
export async function readAnswer(request: Promise<Response>): Promise<{ text: string; headers: Headers }> {
  const response = await request.catch((error: unknown) => {
    const kind: unknown = error instanceof Error ? Reflect.get(error, 'kind') : undefined;
    const isOverlong = kind === 'too-large' || kind === 'encoding';
    throw new ProviderFailure(isOverlong ? 'client_token_malformed' : 'client_token_unanswered');
  });
  const { status, headers } = response;
  if (status >= 500 || status === 429) throw new ProviderFailure('client_token_unanswered');
  if (status >= 400) throw new ProviderFailure('client_token_refused');
  if (status !== 200) throw new ProviderFailure('client_token_malformed');
  return { text: await response.text(), headers };
}

/** A member of the JSON object that the text is. @throws ProviderFailure `client_token_malformed` */
export function readMember(text: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return Reflect.get(value, name);
  } catch {
    // Said below: the text may hold anything.
  }
  throw new ProviderFailure('client_token_malformed');
}
