import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { authorizeUrl, registerClient, type TestClient } from './flow.ts';

/** A client application on this device: it listens for its authorization response, as a desktop client does. */
export interface LoopbackClient extends TestClient {
  /** Every authorization response that arrived, as the query it came with. */
  readonly answers: URLSearchParams[];
  authorizeUrl(overrides?: Record<string, string | undefined>): string;
  close(): Promise<void>;
}

export async function startLoopbackClient(gatehouseUrl: string, mcpUrl: string): Promise<LoopbackClient> {
  const answers: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://client');
    if (url.pathname === '/callback') answers.push(url.searchParams);
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end('<!doctype html><title>Client</title><p>Signed in. You may close this window.');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const target = {
    publicUrl: gatehouseUrl,
    resource: mcpUrl,
    fetch: (path: string, init?: RequestInit) => fetch(new URL(path, gatehouseUrl), init),
  };
  const client = await registerClient(target, {
    client_name: 'Example Assistant',
    redirect_uris: [`http://127.0.0.1:${port}/callback`],
  });
  return {
    ...client,
    answers,
    authorizeUrl: (overrides) => authorizeUrl(target, client, overrides),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
