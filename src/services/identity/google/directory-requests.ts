import type { GuardedFetch } from '../../../platform/outbound/guarded-fetch.ts';
import { ProviderFailure } from '../provider-failure.ts';
import { type Answer, askTwice, failureOf, hasReason, membersOf } from './google-answer.ts';
import type { KeptToken } from './kept-token.ts';

/** What is asked about one person, be it by several requests. */
export interface Question {
  readonly deadline: AbortSignal;
  /** The directory is there, and knows this person. */
  isHeard: boolean;
  /** There was no token, or none that it takes: nobody would have been answered. */
  isShutOut: boolean;
}

export interface DirectoryRequests {
  /** A second time with another token if the first is not good any more. */
  get(path: string, question: Question): Promise<Answer & { readonly bearer: string }>;
  /**
   * Resolves if this token reads the domain, which it is asked for once.
   * @param bearer undefined: the present one
   */
  prove(question: Question, bearer?: string): Promise<void>;
}

export interface DirectoryRequestsDeps {
  readonly fetch: GuardedFetch;
  readonly token: KeptToken;
  readonly domain: string;
}

const api = 'https://admin.googleapis.com/admin/directory/v1';

/** All throw ProviderFailure of a kind that begins with `directory_`. */
export function createDirectoryRequests({ fetch, token, domain }: DirectoryRequestsDeps): DirectoryRequests {
  let proven: string | undefined;

  async function obtain(question: Question): Promise<string> {
    try {
      return await token.get(question.deadline);
    } catch (error) {
      question.isShutOut = true;
      throw error;
    }
  }

  async function send(path: string, bearer: string, { deadline: signal }: Question): Promise<Answer> {
    const headers = { authorization: `Bearer ${bearer}`, accept: 'application/json' };
    const answer = await askTwice(fetch, `${api}/${path}`, { headers, signal });
    if (answer.status === 401) token.forget(bearer);
    return answer;
  }

  return {
    async get(path, question) {
      const bearer = await obtain(question);
      const answer = await send(path, bearer, question);
      if (answer.status !== 401) return { ...answer, bearer };
      const next = await obtain(question);
      const second = await send(path, next, question);
      if (second.status === 401) question.isShutOut = true;
      return { ...second, bearer: next };
    },

    async prove(question, bearer) {
      const shown = bearer ?? (await obtain(question));
      if (shown === proven) return;
      const path = `users?domain=${domain}&maxResults=1&fields=kind`;
      const { kind } = expectSuccess(await send(path, shown, question));
      if (kind !== 'admin#directory#users') throw new ProviderFailure('directory_malformed');
      proven = shown;
    },
  };
}

/** @see https://developers.google.com/workspace/admin/directory/v1/guides/troubleshoot-error-codes */
export function expectSuccess(answer: Answer): Readonly<Record<string, unknown>> {
  if (answer.status === 200) return membersOf(answer.body);
  if (hasReason(answer, ['SERVICE_DISABLED', 'accessNotConfigured'])) {
    throw new ProviderFailure('directory_api_disabled');
  }
  if (hasReason(answer, ['insufficientPermissions', 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'])) {
    throw new ProviderFailure('directory_delegation_refused');
  }
  const isDenied =
    answer.status === 403 && hasReason(answer, ['forbidden', 'PERMISSION_DENIED', 'domainCannotUseApis']);
  throw isDenied ? new ProviderFailure('directory_denied') : failureOf(answer);
}

/** An answer that there is nobody, and nothing, of that name: Google's own, not that of whatever else is on the way. */
export function isUnknown(answer: Answer): boolean {
  return answer.status === 404 && hasReason(answer, ['notFound']);
}
