import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A request as its bytes were on the wire. */
export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  /** Header lines as sent: name in the sender's spelling, value. */
  readonly headerLines: readonly (readonly [name: string, value: string])[];
  /** Values of a header by its lower-case name. */
  header(name: string): readonly string[];
  /** The decoded body; whole when `complete`. */
  body(): string;
  readonly complete: Promise<void>;
  /** Everything after the head, framing included. */
  rawBody(): string;
  /** Resolves when the connection this came on is closed. */
  readonly closed: Promise<void>;
  readonly socket: Socket;
  /** Which connection it came on, counted from 0. */
  readonly connection: number;
}

export type Answer = (request: RecordedRequest, socket: Socket) => void | Promise<void>;

/** A TCP server that keeps what it is sent and answers with whatever bytes a test wants. */
export interface RecordingUpstream {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly requests: readonly RecordedRequest[];
  readonly openConnections: number;
  /** How the next requests are answered. */
  answer: Answer;
  /** Resolves with the request of this index once its head has arrived. */
  request(index: number): Promise<RecordedRequest>;
  close(): Promise<void>;
}

/** An answer with a length. Waits for the whole request. */
export function reply(status: number, headers: Readonly<Record<string, string>> = {}, body = ''): Answer {
  return async (request, socket) => {
    await request.complete;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const length = status === 204 ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`;
    socket.write(`HTTP/1.1 ${status} X\r\n${lines.join('')}${length}\r\n${body}`);
  };
}

export function replyJson(value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return reply(200, { 'content-type': 'application/json', ...headers }, JSON.stringify(value));
}

/** An answer byte for byte. */
export function replyRaw(bytes: string): Answer {
  return async (request, socket) => {
    await request.complete;
    socket.write(bytes, 'latin1');
  };
}

/** One chunk of a chunked body. */
export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

export async function startRecordingUpstream(): Promise<RecordingUpstream> {
  const requests: RecordedRequest[] = [];
  const sockets = new Set<Socket>();
  const waiting = new Map<number, (request: RecordedRequest) => void>();
  let connections = 0;

  const upstream = {
    origin: '',
    requests,
    answer: replyJson({ jsonrpc: '2.0', id: 1, result: {} }),
    get openConnections() {
      return sockets.size;
    },
    request(index: number) {
      const present = requests[index];
      if (present !== undefined) return Promise.resolve(present);
      return new Promise<RecordedRequest>((resolve) => {
        waiting.set(index, resolve);
      });
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };

  const server = createServer((socket) => {
    const connection = connections;
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    receive(socket, connection, (request) => {
      requests.push(request);
      waiting.get(requests.length - 1)?.(request);
      void upstream.answer(request, socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  upstream.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return upstream;
}

/** Reads one request after the other off a connection. */
function receive(socket: Socket, connection: number, onHead: (request: RecordedRequest) => void): void {
  let buffered = '';
  let current: { feed: (text: string) => string | undefined } | undefined;
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
  socket.on('data', (bytes: Buffer) => {
    buffered += bytes.toString('latin1');
    for (;;) {
      if (current !== undefined) {
        const rest = current.feed(buffered);
        buffered = rest ?? '';
        if (rest === undefined) return;
        current = undefined;
      }
      const end = buffered.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = buffered.slice(0, end);
      buffered = buffered.slice(end + 4);
      const started = startRequest(head, socket, connection, closed);
      current = started.body;
      onHead(started.request);
    }
  });
}

function startRequest(head: string, socket: Socket, connection: number, closed: Promise<void>) {
  const [requestLine = '', ...lines] = head.split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const headerLines = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const header = (name: string): readonly string[] =>
    headerLines.filter(([candidate]) => candidate.toLowerCase() === name).map(([, value]) => value);
  const raw: string[] = [];
  const body: string[] = [];
  let complete = (): void => undefined;
  const completed = new Promise<void>((resolve) => {
    complete = resolve;
  });
  const chunked = header('transfer-encoding').length > 0;
  const length = Number(header('content-length')[0] ?? '0');
  const request: RecordedRequest = {
    method,
    target,
    headerLines,
    header,
    body: () => body.join(''),
    rawBody: () => raw.join(''),
    complete: completed,
    closed,
    socket,
    connection,
  };
  let missing = length;
  let pending = '';
  /** Takes bytes; what is left over once the body is whole, or undefined while it is not. */
  function feed(text: string): string | undefined {
    return chunked ? feedChunks(text) : feedLength(text);
  }
  function feedLength(text: string): string | undefined {
    const part = text.slice(0, missing);
    raw.push(part);
    body.push(part);
    missing -= part.length;
    if (missing > 0) return undefined;
    complete();
    return text.slice(part.length);
  }
  function feedChunks(text: string): string | undefined {
    pending += text;
    for (;;) {
      const lineEnd = pending.indexOf('\r\n');
      if (lineEnd === -1) return undefined;
      const size = Number.parseInt(pending.slice(0, lineEnd), 16);
      // The last chunk ends with its trailers and an empty line.
      const end = size === 0 ? pending.indexOf('\r\n\r\n', lineEnd) + 4 : lineEnd + 2 + size + 2;
      if (end < lineEnd + 4 || pending.length < end) return undefined;
      raw.push(pending.slice(0, end));
      body.push(pending.slice(lineEnd + 2, lineEnd + 2 + size));
      pending = pending.slice(end);
      if (size > 0) continue;
      complete();
      return pending;
    }
  }
  return { request, body: { feed } };
}
