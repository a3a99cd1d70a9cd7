import type { Clock } from '../../platform/clock.ts';
import {
  type ClientIdUrl,
  findClientIdUrlProblem,
  hostOfClientId,
  parseClientIdUrl,
} from '../../protocol/client-id-url.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RedirectUriRules } from '../../protocol/redirect-uri.ts';
import { parseClientDocument, refuseDocument } from './client-document.ts';
import {
  browserGrantTypes,
  type Client,
  type ClientFingerprint,
  type FindClient,
  fingerprintClientId,
  refuseDeniedClient,
} from './client.ts';
import type { FetchBudget } from './fetch-budget.ts';
import { freshSecondsOf } from './freshness.ts';
import { fetchJsonDocument, type JsonDocumentDeps } from './json-document.ts';
import { createRememberedReads, isAway, pauseSeconds } from './remembered-reads.ts';

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
   * in before, which ends at most what it holds, and must not log out because its host is down. A document that has
   * keys in it is asked for anew when it is no longer fresh, and counts for the day only if its host does not answer:
   * a key that was taken out of it must not live on.
   */
  readonly findKnown: FindClient;
}

export interface DocumentClientsDeps extends RedirectUriRules, JsonDocumentDeps {
  readonly clock: Clock;
  readonly budget: FetchBudget;
  readonly isDenied: (client: ClientFingerprint) => boolean;
  /** Whether documents of this host, without port, are taken. */
  readonly isHostAllowed: (host: string) => boolean;
  readonly allowLoopback: boolean;
}

const maxKnown = 2_000;

export function createDocumentClients(deps: DocumentClientsDeps): DocumentClients {
  const { clock } = deps;
  const clients = createRememberedReads<ClientIdUrl, Client>({
    clock,
    budget: deps.budget,
    maxEntries: maxKnown,
    read: (url) => readDocument(url, deps),
    busy,
    finalReason: 'client_document_invalid',
  });

  async function load(clientId: string | undefined): Promise<Client> {
    return clients.read(checkUrl(clientId ?? '', deps));
  }

  /** Only what passed the checks is known, and they do not change; but for this one. */
  function admit(client: Client): Client {
    if (deps.isDenied(client.fingerprint)) throw refuseDeniedClient();
    return client;
  }

  async function find(clientId: string | undefined): Promise<Client> {
    const copy = clientId === undefined ? undefined : clients.find(clientId);
    return admit(
      copy !== undefined && copy.freshUntil > clock.nowSeconds() ? copy.content : await load(clientId),
    );
  }

  async function findKnown(clientId: string | undefined): Promise<Client> {
    const copy = clientId === undefined ? undefined : clients.find(clientId);
    if (copy === undefined || copy.keptUntil <= clock.nowSeconds()) return find(clientId);
    if (copy.content.authentication.method === 'none') return admit(copy.content);
    try {
      return await find(clientId);
    } catch (error) {
      if (isAway(error)) return admit(copy.content);
      throw error;
    }
  }

  return { find, findKnown };
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
): Promise<{ readonly content: Client; readonly freshSeconds: number }> {
  const read = await fetchJsonDocument(url, deps);
  if (read.outcome === 'unavailable') throw unavailable(read.cause);
  if (read.outcome === 'refused') throw refuseDocument(read.problem, read.cause);
  const document = parseClientDocument(read.value, url, deps);
  const content: Client = {
    clientId: url,
    fingerprint: fingerprintClientId(url),
    ...document,
    verifiedHost: hostOfClientId(url),
    grantTypes: browserGrantTypes,
    issuedAt: deps.clock.nowSeconds(),
    expiresAt: undefined,
  };
  return { content, freshSeconds: freshSecondsOf(read.headers) };
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
