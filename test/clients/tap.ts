import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** One request as it went over the wire. Holds tokens: facts are read from it, it is never printed. */
export interface TappedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Of the answer; undefined while there is none. */
  readonly status: number | undefined;
}

/** Listens in on what clients send to the gatehouse: a plain connection to it, of which a copy is read. */
export interface Tap {
  /** In the order in which they were complete. */
  readonly requests: readonly TappedRequest[];
  close(): Promise<void>;
}

/** Not a byte is changed in either direction, so the gatehouse reads what the client wrote. */
export async function startTap(port: number, targetPort: number): Promise<Tap> {
  const requests: TappedRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    const reader = readConversation((request) => requests.push(request));
    client.on('data', (chunk: Buffer) => reader.fromClient(chunk));
    target.on('data', (chunk: Buffer) => reader.fromServer(chunk));
    client.pipe(target).pipe(client);
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        reader.end();
        client.destroy();
        target.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Conversation {
  fromClient(chunk: Buffer): void;
  fromServer(chunk: Buffer): void;
  end(): void;
}

/** Node's own parser reads the copy, as a server whose answers go nowhere. */
function readConversation(onRequest: (request: TappedRequest) => void): Conversation {
  const begun: { status: number | undefined }[] = [];
  const server = createHttpServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
  server.on('request', (request, response) => {
    const answered: { status: number | undefined } = { status: undefined };
    begun.push(answered);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      onRequest(Object.assign(answered, describe(request), { body }));
      response.end();
    });
  });
  const copy = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  copy.on('error', () => undefined);
  server.emit('connection', copy);
  let statuses = 0;
  return {
    fromClient: (chunk) => void (copy.destroyed || copy.push(chunk)),
    fromServer(chunk) {
      const status = /^HTTP\/1\.1 ([2-5]\d\d) /.exec(chunk.toString('latin1', 0, 16))?.[1];
      const answered = status === undefined ? undefined : begun[statuses];
      if (answered === undefined) return;
      answered.status = Number(status);
      statuses += 1;
    },
    end: () => void copy.destroy(),
  };
}

function describe({ method = 'GET', url = '/', headers }: IncomingMessage) {
  return { method, url: new URL(url, 'http://gatehouse'), headers };
}
