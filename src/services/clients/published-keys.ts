import type { Clock } from '../../platform/clock.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { ClientKey } from './client.ts';
import type { FetchBudget } from './fetch-budget.ts';
import { freshSecondsOf } from './freshness.ts';
import { fetchJsonDocument, type JsonDocumentDeps } from './json-document.ts';
import { parseKeySet } from './key-set.ts';
import { createRememberedReads, isAway, pauseSeconds } from './remembered-reads.ts';

/**
 * The key sets behind the `jwks_uri` of clients, fetched by the same guarded client as their metadata documents.
 * @throws OAuthError `invalid_client`, reason `client_keys_invalid`; `temporarily_unavailable`, reason
 * `client_keys_unavailable` or `client_document_throttled`
 */
export interface PublishedKeys {
  /** No older than their host allows; while it does not answer, what it said within a day. */
  find(url: string): Promise<readonly ClientKey[]>;
  /**
   * For a key that is not among those: read anew, unless that was done within a minute. Whoever sends assertions can
   * name any key, and would have us fetch once for each.
   */
  renew(url: string): Promise<readonly ClientKey[]>;
}

export interface PublishedKeysDeps extends JsonDocumentDeps {
  readonly clock: Clock;
  readonly budget: FetchBudget;
}

const maxSets = 500;
const renewSeconds = 60;

export function createPublishedKeys(deps: PublishedKeysDeps): PublishedKeys {
  const { clock } = deps;
  const sets = createRememberedReads<string, readonly ClientKey[]>({
    clock,
    budget: deps.budget,
    maxEntries: maxSets,
    read: (url) => readKeys(url, deps),
    busy: () => unavailable('client_document_throttled'),
    // The keys that were there are not there any more.
    finalReason: 'client_keys_invalid',
  });

  return {
    async find(url) {
      const copy = sets.find(url);
      const now = clock.nowSeconds();
      if (copy !== undefined && copy.freshUntil > now) return copy.content;
      try {
        return await sets.read(url);
      } catch (error) {
        if (isAway(error) && copy !== undefined && copy.keptUntil > now) return copy.content;
        throw error;
      }
    },
    async renew(url) {
      const copy = sets.find(url);
      if (copy !== undefined && copy.readAt + renewSeconds > clock.nowSeconds()) return copy.content;
      return sets.read(url);
    },
  };
}

async function readKeys(
  url: string,
  deps: PublishedKeysDeps,
): Promise<{ readonly content: readonly ClientKey[]; readonly freshSeconds: number }> {
  const document = await fetchJsonDocument(url, deps);
  if (document.outcome === 'unavailable') throw unavailable('client_keys_unavailable', document.cause);
  if (document.outcome === 'refused') throw refuseKeys(document.problem, document.cause);
  const reading = parseKeySet(document.value);
  if (reading.outcome === 'refused') throw refuseKeys(reading.problem);
  return { content: reading.keys, freshSeconds: freshSecondsOf(document.headers) };
}

function refuseKeys(problem: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_client', `The key set of the client ${problem}`, {
    reason: 'client_keys_invalid',
    cause,
  });
}

/** One answer for whatever went wrong on the way: what our network looks like from inside is no stranger's business. */
function unavailable(
  reason: 'client_keys_unavailable' | 'client_document_throttled',
  cause?: unknown,
): OAuthError {
  return new OAuthError('temporarily_unavailable', 'The keys of the client cannot be read now', {
    reason,
    retryAfterSeconds: pauseSeconds,
    cause,
  });
}
