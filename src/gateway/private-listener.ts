import { createServer, type Server } from 'node:http';

import type { Registry } from '../platform/telemetry/metrics.ts';

/** What /readyz says. A store or provider in trouble does not take us out of rotation: calls with a valid token go on. */
export interface Readiness {
  readonly status: 'ok' | 'shutting_down';
  readonly store: 'ok' | 'unavailable';
  readonly identity_provider: 'ok' | 'unavailable';
}

export interface PrivateListenerDeps {
  readonly registry: Registry;
  readonly readiness: () => Promise<Readiness>;
}

/** The operators' listener: /metrics, /readyz, /healthz. Never on the public port. */
export function createPrivateListener(deps: PrivateListenerDeps): Server {
  return createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (request, response) => {
    answer(deps, request.url ?? '').then(
      ({ status, type, body }) => response.writeHead(status, { 'Content-Type': type }).end(body),
      () => response.writeHead(500).end(),
    );
  });
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
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
      return { status: 404, type: 'application/json', body: '{"error":"not_found"}' };
  }
}
