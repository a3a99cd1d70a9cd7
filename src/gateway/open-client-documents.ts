import type { Clock } from '../platform/clock.ts';
import { createGuardedFetch } from '../platform/outbound/guarded-fetch.ts';
import { createSystemNetwork, type OutboundNetwork } from '../platform/outbound/outbound-network.ts';
import { createPinnedDispatcher } from '../platform/outbound/pinned-dispatcher.ts';
import { isLoopbackAddress, isPublicAddress } from '../platform/outbound/special-addresses.ts';
import { isClientIdUrl } from '../protocol/client-id-url.ts';
import type { ClientFingerprint, FindClient } from '../services/clients/client.ts';
import type { ConfiguredClients } from '../services/clients/configured-clients.ts';
import { createDocumentClients, type DocumentClients } from '../services/clients/document-clients.ts';
import { createFetchBudget } from '../services/clients/fetch-budget.ts';
import { createPublishedKeys, type PublishedKeys } from '../services/clients/published-keys.ts';
import { parseStrictJson } from '../services/requests/strict-json.ts';
import type { GatehouseConfig } from './config/config.ts';
import { version } from './version.ts';

/** Deadline over DNS, TLS and the document; a person is waiting. */
const totalTimeoutMs = 5_000;
/** The draft recommends 5 kB; the documents in use are below it. */
const maxBytes = 10 * 1024;
const maxHeaderBytes = 16 * 1024;

export interface ClientDocumentsDeps {
  readonly clock: Clock;
  readonly network: OutboundNetwork | undefined;
  readonly isDenied: (client: ClientFingerprint) => boolean;
}

/** What clients publish about themselves, behind the one pinned fetch. */
export interface ClientDocuments {
  /** Clients known by the URL of their metadata document. Undefined when that is off. */
  readonly clients: DocumentClients | undefined;
  /** Keys of those, and of clients that the operator registered with a `jwks_uri`. */
  readonly keys: PublishedKeys;
}

export function openClientDocuments(config: GatehouseConfig, deps: ClientDocumentsDeps): ClientDocuments {
  const { clock } = deps;
  const rules = config.clientDocuments;
  const allowLoopback = rules?.allowLoopback === true;
  const network = deps.network ?? createSystemNetwork();
  const dispatcher = createPinnedDispatcher({
    network: allowLoopback ? withLocalhost(network) : network,
    isAllowed: (address) => isPublicAddress(address) || (allowLoopback && isLoopbackAddress(address)),
    connectTimeoutMs: totalTimeoutMs,
    maxHeaderBytes,
  });
  const documents = {
    clock,
    fetch: createGuardedFetch({
      totalTimeoutMs,
      maxBytes,
      userAgent: `mcp-gatehouse/${version}`,
      dispatcher,
    }),
    parseJson: parseStrictJson,
    budget: createFetchBudget({ nowMs: () => clock.nowMilliseconds() }),
  };
  const keys = createPublishedKeys(documents);
  if (rules === undefined) return { clients: undefined, keys };
  const { allowedHosts, deniedHosts } = rules;
  const clients = createDocumentClients({
    ...documents,
    isDenied: deps.isDenied,
    isHostAllowed: (host) =>
      (allowedHosts === undefined || matchesHost(host, allowedHosts)) && !matchesHost(host, deniedHosts),
    allowLoopback,
    privateUseSchemes: config.registration.privateUseSchemes,
  });
  return { clients, keys };
}

/** Where clients of each kind are looked up. */
export interface ClientSources {
  readonly configured: Pick<ConfiguredClients, 'has' | 'find'>;
  readonly registered: FindClient;
  /** Undefined: no client is known by a document. */
  readonly documented: FindClient | undefined;
}

/** A client id is one of the configuration, or the address of a document when it is a URL, or else a registration. */
export function routeClientIds({ configured, registered, documented }: ClientSources): FindClient {
  return (clientId) => {
    if (clientId === undefined) return registered(clientId);
    if (configured.has(clientId)) return configured.find(clientId);
    return documented !== undefined && isClientIdUrl(clientId) ? documented(clientId) : registered(clientId);
  };
}

function matchesHost(host: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern,
  );
}

/** DNS does not know the name of every machine for itself. */
function withLocalhost(network: OutboundNetwork): OutboundNetwork {
  return {
    ...network,
    resolve: async (name, signal) =>
      name === 'localhost' ? ['127.0.0.1'] : await network.resolve(name, signal),
  };
}
