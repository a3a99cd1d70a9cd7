import { createServer, type ServerResponse } from 'node:http';

/** An MCP server whose every GET is a stream that stays open until one side ends it. */
export interface StreamingUpstream {
  readonly url: string;
  readonly openStreams: number;
  close(): Promise<void>;
}

export function startStreamingUpstream(): Promise<StreamingUpstream> {
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    request.resume();
    if (request.method !== 'GET') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"jsonrpc":"2.0","id":1,"result":{}}');
      return;
    }
    streams.add(response);
    response.once('close', () => streams.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': open\n\n');
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('the upstream is not on a port');
      resolve({
        url: `http://127.0.0.1:${address.port}/mcp`,
        get openStreams() {
          return streams.size;
        },
        close: () =>
          new Promise((closed) => {
            server.closeAllConnections();
            server.close(() => closed());
          }),
      });
    });
  });
}

/** Opens a stream at the mount; resolves when its first event is there, with what resolves when it has ended. */
export async function openStream(
  gatehouse: { readonly resource: string; fetch(url: string, init?: RequestInit): Promise<Response> },
  accessToken: string,
): Promise<{ readonly ended: Promise<void> }> {
  const headers = { authorization: `Bearer ${accessToken}`, accept: 'text/event-stream' };
  const response = await gatehouse.fetch(gatehouse.resource, { headers });
  if (response.status !== 200 || response.body === null) throw new Error(`no stream: ${response.status}`);
  const reader = response.body.getReader();
  await reader.read();
  return { ended: readToEnd(reader) };
}

async function readToEnd(reader: { read(): Promise<{ done: boolean }> }): Promise<void> {
  for (;;) if ((await reader.read()).done) return;
}
