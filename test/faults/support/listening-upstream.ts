import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An MCP server that answers calls, and leaves GETs open as streams, on which it speaks when it is told to. */
export interface ListeningUpstream {
  readonly url: string;
  readonly port: number;
  readonly streams: number;
  /** How often a call was carried out, by its id. */
  readonly calls: ReadonlyMap<string, number>;
  /** Every call and every stream that came. */
  readonly requests: number;
  /** One event to every stream; each stream counts its own. */
  speak(): void;
  close(): Promise<void>;
}

export interface ListeningUpstreamOptions {
  /** Waits so long before it takes the body of a call. */
  readonly slowMilliseconds?: number;
  /** Leaves counting of calls out: there are millions. */
  readonly isForgetful?: boolean;
}

export async function startListeningUpstream(
  options: ListeningUpstreamOptions = {},
): Promise<ListeningUpstream> {
  const streams = new Map<ServerResponse, number>();
  const calls = new Map<string, number>();
  let requests = 0;
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
    requests += 1;
    if (request.method === 'GET') open(response);
    else answer(request, response);
  });

  function open(response: ServerResponse): void {
    streams.set(response, 0);
    response.once('close', () => streams.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    // When it was written, so that a client in the same process can tell how long it took.
    response.write(`: ${performance.now()}\n\n`);
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    let start = '';
    request.once('end', () => {
      const id = /"id":"([^"]+)"/.exec(start)?.[1] ?? '';
      if (options.isForgetful !== true) calls.set(id, (calls.get(id) ?? 0) + 1);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"jsonrpc":"2.0","id":"${id}","result":{}}`);
    });
    setTimeoutOrNow(options.slowMilliseconds, () => {
      request.on('data', (bytes: Buffer) => {
        if (start.length < 200) start += bytes.toString('latin1', 0, 200);
      });
    });
  }

  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', 4_096, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    port,
    get streams() {
      return streams.size;
    },
    calls,
    get requests() {
      return requests;
    },
    speak() {
      for (const [response, number] of streams) {
        streams.set(response, number + 1);
        response.write(`id: ${number}\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n`);
      }
    },
    close: () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
}

function setTimeoutOrNow(milliseconds: number | undefined, run: () => void): void {
  if (milliseconds === undefined) run();
  else setTimeout(run, milliseconds);
}
