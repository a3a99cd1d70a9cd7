import { type IncomingMessage, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface CallOptions {
  readonly method?: string;
  readonly target?: string;
  /** Flat list or record; `authorization` is added unless `bearer` is null. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly bearer?: string | null;
  readonly body?: string | Buffer;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly message: IncomingMessage;
  text(): Promise<string>;
  json(): Promise<Record<string, unknown>>;
}

export interface RawConnection {
  readonly socket: Socket;
  received(): string;
  /** Resolves once what was received matches. */
  until(pattern: RegExp): Promise<string>;
  readonly closed: Promise<void>;
}

/** A call by node:http; resolves when the head of the answer is there. */
export function callPort(port: number, call: CallOptions, issue: () => string): Promise<CallAnswer> {
  const bearer = call.bearer === undefined ? issue() : call.bearer;
  const { promise, resolve, reject } = Promise.withResolvers<CallAnswer>();
  const outgoing = httpRequest({
    host: '127.0.0.1',
    port,
    method: call.method ?? 'POST',
    path: call.target ?? '/mcp',
    agent: false,
    headers: {
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(call.headers as Record<string, string | string[]>),
    },
  });
  outgoing.once('error', reject);
  outgoing.once('response', (message) => {
    outgoing.off('error', reject);
    outgoing.on('error', () => undefined);
    let whole: Promise<string> | undefined;
    const text = (): Promise<string> => (whole ??= readAll(message));
    resolve({
      status: message.statusCode ?? 0,
      headers: message.headers,
      message,
      text,
      json: async () => JSON.parse(await text()) as Record<string, unknown>,
    });
  });
  outgoing.end(call.body);
  return promise;
}

async function readAll(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** A connection of its own, to send any bytes. */
export function openRaw(port: number): RawConnection {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let wake = (): void => undefined;
  let ended = false;
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      ended = true;
      resolve();
      wake();
    });
  });
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
    wake();
  });
  return {
    socket,
    received: () => text,
    closed,
    async until(pattern) {
      while (!pattern.test(text)) {
        if (ended) throw new Error(`connection closed after: ${text}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return text;
    },
  };
}
