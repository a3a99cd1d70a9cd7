import { createServer, type IncomingMessage, type Server } from 'node:http';

import type { Registry } from '../platform/telemetry/metrics.ts';
import type { ListenAddress } from './config/config.ts';
import { isLoopbackHost } from './config/listen-address.ts';

/** What /readyz says; `ok` is 200, everything else 503. A store or provider in trouble does not take us out of rotation: calls with a valid token go on. */
export interface Readiness {
  readonly status: 'ok' | 'shutting_down' | 'starting' | 'no_worker';
  readonly store: 'ok' | 'unavailable';
  /** The worst of them. Absent: there are none. */
  readonly identity_provider?: 'ok' | 'unavailable';
  /** Of several each by its name. */
  readonly identity_providers?: Readonly<Record<string, 'ok' | 'unavailable'>>;
  /** Where several processes answer. */
  readonly workers?: { readonly wanted: number; readonly ready: number };
}

/** Metrics of this process, or of several together. */
export type ShownMetrics = Pick<Registry, 'contentType' | 'metrics'>;

export interface PrivateListenerDeps {
  readonly registry: ShownMetrics;
  readonly readiness: () => Promise<Readiness>;
}

/**
 * The operators' listener: /metrics, /readyz, /healthz. Never on the public port. Where only this machine reaches it,
 * it answers to this machine's names alone: a web page can have its own name point here (DNS rebinding), and would read
 * the answers as its own. Elsewhere monitoring comes under any name, such as that of a service.
 */
export function createPrivateListener(deps: PrivateListenerDeps, address: ListenAddress): Server {
  const onLoopback = address.host !== undefined && isLoopbackHost(address.host);
  return createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (request, response) => {
    const refusal = judge(request, onLoopback);
    (refusal === undefined ? answer(deps, request.url ?? '') : Promise.resolve(refusal)).then(
      ({ status, type, body, headers }) =>
        response.writeHead(status, { 'Content-Type': type, ...headers }).end(body),
      () => response.writeHead(500).end(),
    );
  });
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function judge({ method, headers: { host } }: IncomingMessage, onLoopback: boolean): Answer | undefined {
  // No browser leaves Host out; probes that speak HTTP/1.0 do.
  if (onLoopback && host !== undefined && !isLoopbackHost(host.replace(/:\d+$/, ''))) {
    return refuse(403, 'access_denied');
  }
  if (method === 'GET' || method === 'HEAD') return undefined;
  return { ...refuse(405, 'method_not_allowed'), headers: { Allow: 'GET, HEAD' } };
}

function refuse(status: number, error: string): Answer {
  return { status, type: 'application/json', body: JSON.stringify({ error }) };
}

async function answer(deps: PrivateListenerDeps, target: string): Promise<Answer> {
  switch (target.split('?', 1)[0]) {
    case '/metrics':
      return { status: 200, type: deps.registry.contentType, body: await deps.registry.metrics() };
    case '/healthz':
      return { status: 200, type: 'text/plain', body: '' };
    case '/readyz': {
      const readiness = await deps.readiness();
      const status = readiness.status === 'ok' ? 200 : 503;
      return { status, type: 'application/json', body: JSON.stringify(readiness) };
    }
    default:
      return refuse(404, 'not_found');
  }
}
