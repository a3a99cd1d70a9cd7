import { connect, type Socket } from 'node:net';

import { signIn, type Tokens } from './flow.ts';
import { createTestGatehouse, type TestGatehouse } from './gatehouse.ts';
import {
  type RecordedRequest,
  type RecordingUpstream,
  startRecordingUpstream,
} from './recording-upstream.ts';

export const lanes = ['on', 'off'] as const;
export type Lane = (typeof lanes)[number];

/** A gatehouse in front of an upstream that answers every call with the head of a stream and leaves it open. */
export interface StreamHouse {
  readonly gatehouse: TestGatehouse;
  readonly upstream: RecordingUpstream;
  readonly tokens: Tokens;
  readonly ports: { readonly publicPort: number; readonly metricsPort: number };
  open(options?: StreamOptions): Promise<OpenStream>;
  close(): Promise<void>;
}

export interface StreamOptions {
  readonly method?: 'GET' | 'POST';
  readonly body?: string;
  /** Of the upstream's answer: lines, each with its line end. */
  readonly headers?: string;
}

/** One stream, by its bytes on both sides. */
export interface OpenStream {
  /** What the gateway asked of the upstream; its socket takes what the upstream is to write. */
  readonly heard: RecordedRequest;
  readonly socket: Socket;
  readonly head: string;
  /** What came of the body, without the framing. */
  body(): string;
  /** Whether the body is whole. */
  isWhole(): boolean;
  /** Resolves once the body matches; rejects when the connection ends before. */
  until(pattern: RegExp): Promise<void>;
  /** Resolves when the body is whole or the connection closed. */
  readonly ended: Promise<void>;
}

export async function startStreamHouse(lane: Lane, env: Record<string, string> = {}): Promise<StreamHouse> {
  const upstream = await startRecordingUpstream();
  const gatehouse = await createTestGatehouse({
    upstream: `${upstream.origin}/mcp`,
    env: { FAST_LANE: lane, ...env },
  });
  const tokens = await signIn(gatehouse);
  const ports = await gatehouse.listen();
  const sockets = new Set<Socket>();
  return {
    gatehouse,
    upstream,
    tokens,
    ports,
    async open({ method = 'GET', body = '', headers = '' } = {}) {
      const index = upstream.requests.length;
      upstream.answer = async (request, socket) => {
        await request.complete;
        socket.write(
          `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n${headers}transfer-encoding: chunked\r\n\r\n`,
        );
      };
      const socket = connect(ports.publicPort, '127.0.0.1');
      sockets.add(socket);
      const length = method === 'POST' ? `Content-Length: ${body.length}\r\n` : '';
      socket.write(
        `${method} /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${tokens.accessToken}\r\n` +
          `Content-Type: application/json\r\n${length}\r\n${body}`,
      );
      const reading = readStream(socket);
      await reading.headCame;
      return { heard: await upstream.request(index), socket, head: reading.head(), ...reading.stream };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await gatehouse.close();
      await upstream.close();
    },
  };
}

function readStream(socket: Socket) {
  let text = '';
  let isClosed = false;
  const body = (): string => decodeChunks(text).body;
  const isWhole = (): boolean => decodeChunks(text).isWhole;
  const waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const go of waiting.splice(0)) go();
  };
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isClosed = true;
    wake();
  });
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
    wake();
  });
  const until = async (is: () => boolean): Promise<void> => {
    while (!is()) {
      if (isClosed) throw new Error(`the connection closed after: ${text}`);
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return {
    headCame: until(() => text.includes('\r\n\r\n')),
    head: () => text.slice(0, text.indexOf('\r\n\r\n')),
    stream: {
      body,
      isWhole,
      until: (pattern: RegExp) => until(() => pattern.test(body())),
      ended: until(() => isClosed || isWhole()),
    },
  };
}

function decodeChunks(text: string): { readonly body: string; readonly isWhole: boolean } {
  let rest = text.slice(text.indexOf('\r\n\r\n') + 4);
  let body = '';
  for (;;) {
    const lineEnd = rest.indexOf('\r\n');
    if (lineEnd < 0) return { body, isWhole: false };
    const size = Number.parseInt(rest.slice(0, lineEnd), 16);
    if (size === 0) return { body, isWhole: rest === '0\r\n\r\n' };
    body += rest.slice(lineEnd + 2, lineEnd + 2 + size);
    rest = rest.slice(lineEnd + 2 + size + 2);
  }
}
