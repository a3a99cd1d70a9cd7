import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/** How the upstream misbehaves; the last segment of the path says it. */
export type Mischief =
  | 'hang'
  | 'end-early'
  | 'reset-early'
  | 'half-closed'
  | 'reset-in-event'
  | 'big'
  | 'endless'
  | 'byte-wise'
  | 'deaf';

/** An MCP server that answers at `/mcp`, and badly below it. */
export interface HostileUpstream {
  readonly url: string;
  /** How often a call came, by its id. */
  readonly calls: ReadonlyMap<string, number>;
  /** Answers that are not over. */
  readonly open: number;
  /** Bytes of big answers that were taken from it. */
  readonly bigBytes: number;
  /** Calls whose body it does not read. */
  readonly unread: number;
  /** Reads what it did not read: only so it learns who has left. */
  hearAgain(): void;
  /** Nothing listens any more, and every connection is reset. */
  die(): Promise<void>;
  revive(): Promise<void>;
  close(): Promise<void>;
}

export const bigBytes = 100 * 1024 * 1024;
const pieceBytes = 256 * 1024;

export async function startHostileUpstream(): Promise<HostileUpstream> {
  const calls = new Map<string, number>();
  const deaf = new Set<IncomingMessage>();
  const state = { open: 0, bigBytes: 0 };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    state.open += 1;
    response.once('close', () => {
      state.open -= 1;
    });
    void serve(request, response);
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const mischief = request.url?.split('/')[2];
    // What is not read is not acknowledged, and fills what is in between.
    if (mischief === 'deaf') {
      deaf.add(request);
      request.once('close', () => deaf.delete(request));
      return;
    }
    const id = await readId(request);
    calls.set(id, (calls.get(id) ?? 0) + 1);
    const { socket } = response;
    if (socket === null || socket.destroyed) return;
    switch (mischief as Mischief | undefined) {
      case 'hang':
      case 'deaf':
        return;
      case 'end-early':
        socket.end();
        return;
      case 'reset-early':
        socket.resetAndDestroy();
        return;
      case 'half-closed':
        socket.end(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n${id}`);
        return;
      case 'reset-in-event':
        resetInEvent(socket, id);
        return;
      case 'big':
        await writeBig(response, id);
        return;
      case 'endless':
        await writeEndless(response, id);
        return;
      case 'byte-wise':
        await writeByteWise(socket, id);
        return;
      default:
        response.writeHead(200, { 'content-type': 'application/json' }).end(answerOf(id));
    }
  }

  async function writeBig(response: ServerResponse, id: string): Promise<void> {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bigBytes });
    const piece = Buffer.alloc(pieceBytes, markOf(id));
    for (let sent = 0; sent < bigBytes && !response.destroyed; sent += pieceBytes) {
      if (!response.write(piece)) await drained(response);
      state.bigBytes += pieceBytes;
    }
    response.end();
  }

  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  const die = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    calls,
    get open() {
      return state.open;
    },
    get bigBytes() {
      return state.bigBytes;
    },
    get unread() {
      return deaf.size;
    },
    hearAgain() {
      for (const request of deaf) request.resume();
    },
    die,
    revive: () => listen(server, port),
    close: die,
  };
}

/** The whole answer to a call that is not mistreated. */
export function answerOf(id: string): string {
  return `{"jsonrpc":"2.0","id":"${id}","result":{}}`;
}

/** Sixteen bytes that big answers consist of, so that a piece in the wrong place shows. */
export function markOf(id: string): string {
  return id.padEnd(15, '.').slice(0, 15).concat('\n');
}

/** One event of the answer that a call gets piece by piece. */
export function eventOf(id: string): string {
  return `data: ${id}\n\n`;
}

async function readId(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const bytes of request) text += String(bytes);
  return /"id":"([^"]+)"/.exec(text)?.[1] ?? '';
}

function resetInEvent(socket: Socket, id: string): void {
  const events = `${eventOf(id)}${eventOf(id)}data: ${id.slice(0, 2)}`;
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
  socket.write(`${head}${events.length.toString(16)}\r\n${events}\r\n`, () => {
    // A reset overtakes what was written: so that somebody has read it, not at once.
    setTimeout(() => socket.resetAndDestroy(), 20);
  });
}

async function writeEndless(response: ServerResponse, id: string): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const piece = eventOf(id).repeat(64);
  while (!response.destroyed) {
    if (!response.write(piece)) await drained(response);
    await turn();
  }
}

async function writeByteWise(socket: Socket, id: string): Promise<void> {
  const body = answerOf(id);
  const type = 'Content-Type: application/json\r\nConnection: close';
  const head = `HTTP/1.1 200 OK\r\n${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
  for (const byte of head + body) {
    if (socket.destroyed) return;
    socket.write(byte);
    await turn();
  }
  // Written behind the back of the server, which would let nothing else through.
  socket.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.once('drain', go).once('close', go);
  });
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
