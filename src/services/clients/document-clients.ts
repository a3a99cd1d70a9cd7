import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import { OutboundError } from '../../platform/outbound/outbound-error.ts';
import {
  type ClientIdUrl,
  findClientIdUrlProblem,
  hostOfClientId,
  parseClientIdUrl,
} from '../../protocol/client-id-url.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RedirectUriRules } from '../../protocol/redirect-uri.ts';
import type { JsonReading } from '../requests/strict-json.ts';
import { parseClientDocument, refuseDocument } from './client-document.ts';
import {
  browserGrantTypes,
  type Client,
  type ClientFingerprint,
  type FindClient,
  fingerprintClientId,
  refuseDeniedClient,
} from './client.ts';
import { createFetchBudget } from './fetch-budget.ts';
import { freshSecondsOf } from './freshness.ts';

/**
 * Clients whose `client_id` is the address of a document about them. Nothing is registered: the document is fetched
 * when the client asks, and remembered for a while.
 * @see draft-ietf-oauth-client-id-metadata-document-03, MCP 2026-07-28 Client ID Metadata Documents
 */
export interface DocumentClients {
  /** By a document no older than its host allows: for authorization requests, which go where it says. */
  readonly find: FindClient;
  /**
   * By a document that was read within a day, and only without one by fetching: for requests of a client that was let
   * in before, which ends at most what it holds, and must not log out because its host is down.
   */
  readonly findKnown: FindClient;
}

export interface DocumentClientsDeps extends RedirectUriRules {
  readonly clock: Clock;
  /** Guarded: public addresses, no redirect, no decoding, a deadline and a cap. Rejects when there is no answer. */
  readonly fetch: (url: string, init: { readonly headers: Record<string, string> }) => Promise<Response>;
  readonly parseJson: (text: string) => JsonReading;
  readonly isDenied: (client: ClientFingerprint) => boolean;
  /** Whether documents of this host, without port, are taken. */
  readonly isHostAllowed: (host: string) => boolean;
  readonly allowLoopback: boolean;
}

interface Known {
  readonly client: Client;
  readonly freshUntil: EpochSeconds;
  readonly keptUntil: EpochSeconds;
}

interface Failed {
  readonly error: OAuthError;
  readonly until: EpochSeconds;
}

const maxKnown = 2_000;
const maxFailed = 2_000;
const keptSeconds = 86_400;
/** No cache of errors, which the draft forbids, but a pause: the same request again would be one of ours each time. */
const pauseSeconds = 10;

const limits = { concurrent: 16, concurrentPerHost: 4, perMinute: 240, perHostAndMinute: 20 };

export function createDocumentClients(deps: DocumentClientsDeps): DocumentClients {
  const { clock } = deps;
  const known = new Map<string, Known>();
  const failed = new Map<string, Failed>();
  const underWay = new Map<string, Promise<Client>>();
  const budget = createFetchBudget({ ...limits, nowMs: () => clock.nowMilliseconds() });

  async function load(url: ClientIdUrl): Promise<Client> {
    const pause = failed.get(url);
    if (pause !== undefined && pause.until > clock.nowSeconds()) throw pause.error;
    const end = budget.begin(new URL(url).hostname);
    if (end === undefined) throw busy();
    try {
      const { client, freshSeconds } = await readDocument(url, deps);
      const now = clock.nowSeconds();
      remember(known, maxKnown, url, {
        client,
        freshUntil: now + freshSeconds,
        keptUntil: now + keptSeconds,
      });
      failed.delete(url);
      return client;
    } catch (error) {
      if (error instanceof OAuthError) {
        remember(failed, maxFailed, url, { error, until: clock.nowSeconds() + pauseSeconds });
        // Its host has spoken: what was read before is not what it says now.
        if (error.reason === 'client_document_invalid') known.delete(url);
      }
      throw error;
    } finally {
      end();
    }
  }

  /** One fetch for all who ask at the same time. */
  function loadOnce(url: ClientIdUrl): Promise<Client> {
    const present = underWay.get(url);
    if (present !== undefined) return present;
    const loading = load(url).finally(() => underWay.delete(url));
    underWay.set(url, loading);
    return loading;
  }

  async function findUntil(clientId: string | undefined, end: 'freshUntil' | 'keptUntil'): Promise<Client> {
    // Only what passed the checks is in there, and they do not change; but for the last one, which comes below.
    const copy = clientId === undefined ? undefined : known.get(clientId);
    const isGood = copy !== undefined && copy[end] > clock.nowSeconds();
    const client = isGood ? copy.client : await loadOnce(checkUrl(clientId ?? '', deps));
    if (deps.isDenied(client.fingerprint)) throw refuseDeniedClient();
    return client;
  }

  return {
    find: (clientId) => findUntil(clientId, 'freshUntil'),
    findKnown: (clientId) => findUntil(clientId, 'keptUntil'),
  };
}

/** Everything that needs no request of ours. */
function checkUrl(clientId: string, deps: DocumentClientsDeps): ClientIdUrl {
  const url = parseClientIdUrl(clientId, deps);
  if (url === undefined) {
    const problem = findClientIdUrlProblem(clientId, deps) ?? 'is not acceptable';
    throw new OAuthError('invalid_client', `The client_id URL ${problem}`, {
      reason: 'client_id_url_invalid',
    });
  }
  if (!deps.isHostAllowed(new URL(url).hostname)) {
    throw new OAuthError('invalid_client', 'Clients of this host are not accepted here', {
      reason: 'client_host_refused',
    });
  }
  if (deps.isDenied(fingerprintClientId(url))) throw refuseDeniedClient();
  return url;
}

async function readDocument(
  url: ClientIdUrl,
  deps: DocumentClientsDeps,
): Promise<{ readonly client: Client; readonly freshSeconds: number }> {
  const response = await deps
    .fetch(url, { headers: { accept: 'application/json' } })
    .catch((error: unknown) => {
      throw judgeFailure(error);
    });
  if (response.status === 429 || response.status >= 500) throw unavailable();
  // Anything but 200 is no document, redirects least of all: they would be a way around the rules for the address.
  if (response.status !== 200) throw refuseDocument('is not there');
  if (!/^application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;|$)/i.test(response.headers.get('content-type') ?? '')) {
    throw refuseDocument('is not of a JSON content type');
  }
  const reading = deps.parseJson(decode(await response.bytes()));
  if (reading.outcome === 'refused') throw refuseDocument(reading.problem);
  const document = parseClientDocument(reading.value, url, deps);
  const client: Client = {
    clientId: url,
    fingerprint: fingerprintClientId(url),
    ...document,
    verifiedHost: hostOfClientId(url),
    authentication: { method: 'none' },
    grantTypes: browserGrantTypes,
    issuedAt: deps.clock.nowSeconds(),
    expiresAt: undefined,
  };
  return { client, freshSeconds: freshSecondsOf(response.headers) };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw refuseDocument('is not UTF-8', error);
  }
}

/** What the host did, as far as that says anything about its document. */
function judgeFailure(error: unknown): OAuthError {
  const kind = error instanceof OutboundError ? error.kind : undefined;
  if (kind === 'too-large') return refuseDocument('is too long', error);
  if (kind === 'encoding') return refuseDocument('has a content encoding', error);
  return unavailable(error);
}

/** One answer for whatever went wrong on the way: what our network looks like from inside is no stranger's business. */
function unavailable(cause?: unknown): OAuthError {
  return new OAuthError('temporarily_unavailable', 'The client metadata document cannot be read now', {
    reason: 'client_document_unavailable',
    retryAfterSeconds: pauseSeconds,
    cause,
  });
}

function busy(): OAuthError {
  return new OAuthError('temporarily_unavailable', 'Too many client metadata documents are being read', {
    reason: 'client_document_throttled',
    retryAfterSeconds: pauseSeconds,
  });
}

/** The oldest entry makes room. */
function remember<Entry>(entries: Map<string, Entry>, max: number, key: string, entry: Entry): void {
  entries.delete(key);
  if (entries.size >= max) {
    const oldest = entries.keys().next();
    if (oldest.done !== true) entries.delete(oldest.value);
  }
  entries.set(key, entry);
}
