import { createServer, type IncomingHttpHeaders } from 'node:http';

/** An MCP server that answers every call and remembers the headers it came with. */
export interface AnsweringUpstream {
  readonly url: string;
  readonly calls: IncomingHttpHeaders[];
  close(): Promise<void>;
}

export function startAnsweringUpstream(): Promise<AnsweringUpstream> {
  const calls: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    calls.push(request.headers);
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"jsonrpc":"2.0","id":1,"result":{}}');
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('the upstream is not on a port');
      resolve({
        url: `http://127.0.0.1:${address.port}/mcp`,
        calls,
        close: () =>
          new Promise((closed) => {
            server.closeAllConnections();
            server.close(() => closed());
          }),
      });
    });
  });
}

/** Calls a tool at the mount with a bearer token. */
export function callMount(
  gatehouse: { readonly resource: string; fetch(url: string, init?: RequestInit): Promise<Response> },
  accessToken: string,
): Promise<Response> {
  return gatehouse.fetch(gatehouse.resource, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${accessToken}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
  });
}
