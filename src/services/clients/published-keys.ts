import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { ClientKey } from './client.ts';
import type { FetchBudget } from './fetch-budget.ts';
import { freshSecondsOf } from './freshness.ts';
import { fetchJsonDocument, type JsonDocumentDeps } from './json-document.ts';
import { parseKeySet } from './key-set.ts';
import { remember } from './remember.ts';

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

interface Known {
  readonly keys: readonly ClientKey[];
  readonly readAt: EpochSeconds;
  readonly freshUntil: EpochSeconds;
  readonly keptUntil: EpochSeconds;
}

interface Failed {
  readonly error: OAuthError;
  readonly until: EpochSeconds;
}

const maxSets = 500;
const keptSeconds = 86_400;
const pauseSeconds = 10;
const renewSeconds = 60;

export function createPublishedKeys(deps: PublishedKeysDeps): PublishedKeys {
  const { clock } = deps;
  const known = new Map<string, Known>();
  const failed = new Map<string, Failed>();
  const underWay = new Map<string, Promise<Known>>();

  async function load(url: string): Promise<Known> {
    const pause = failed.get(url);
    if (pause !== undefined && pause.until > clock.nowSeconds()) throw pause.error;
    const end = deps.budget.begin(new URL(url).hostname);
    if (end === undefined) throw unavailable('client_document_throttled');
    try {
      const entry = await readKeys(url, deps);
      remember(known, maxSets, url, entry);
      failed.delete(url);
      return entry;
    } catch (error) {
      if (error instanceof OAuthError) {
        remember(failed, maxSets, url, { error, until: clock.nowSeconds() + pauseSeconds });
        // Its host has spoken: the keys that were there are not there any more.
        if (error.reason === 'client_keys_invalid') known.delete(url);
      }
      throw error;
    } finally {
      end();
    }
  }

  function loadOnce(url: string): Promise<Known> {
    const present = underWay.get(url);
    if (present !== undefined) return present;
    const loading = load(url).finally(() => underWay.delete(url));
    underWay.set(url, loading);
    return loading;
  }

  return {
    async find(url) {
      const copy = known.get(url);
      const now = clock.nowSeconds();
      if (copy !== undefined && copy.freshUntil > now) return copy.keys;
      try {
        return (await loadOnce(url)).keys;
      } catch (error) {
        const isAway = error instanceof OAuthError && error.code === 'temporarily_unavailable';
        if (isAway && copy !== undefined && copy.keptUntil > now) return copy.keys;
        throw error;
      }
    },
    async renew(url) {
      const copy = known.get(url);
      if (copy !== undefined && copy.readAt + renewSeconds > clock.nowSeconds()) return copy.keys;
      return (await loadOnce(url)).keys;
    },
  };
}

async function readKeys(url: string, deps: PublishedKeysDeps): Promise<Known> {
  const document = await fetchJsonDocument(url, deps);
  if (document.outcome === 'unavailable') throw unavailable('client_keys_unavailable', document.cause);
  if (document.outcome === 'refused') throw refuseKeys(document.problem, document.cause);
  const reading = parseKeySet(document.value);
  if (reading.outcome === 'refused') throw refuseKeys(reading.problem);
  const now = deps.clock.nowSeconds();
  return {
    keys: reading.keys,
    readAt: now,
    freshUntil: now + freshSecondsOf(document.headers),
    keptUntil: now + keptSeconds,
  };
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
