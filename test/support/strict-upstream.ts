import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

import { readStrictBody, readStrictHead, type StrictRequest } from './strict-request.ts';

/** A request with its body, and on which connection it came, counted from 0. */
export interface ReceivedRequest extends StrictRequest {
  readonly body: string;
  readonly connection: number;
}

/** Answers a request; settles when the answer is out and the next request may come. */
export type StrictAnswer = (request: ReceivedRequest, socket: Socket) => void | Promise<void>;

/** An MCP server on TCP that keeps every byte, counts requests and complains about all that has two meanings. */
export interface StrictUpstream {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** Whole ones alone, in the order of their ends. */
  readonly requests: readonly ReceivedRequest[];
  /** What could be read in two ways; its connection is closed. */
  readonly complaints: readonly string[];
  /** Every byte that came, connection by connection, latin1. */
  readonly received: readonly string[];
  readonly openConnections: number;
  answer: StrictAnswer;
  /** Called with the head; true when that is the answer, and no body is awaited or read. */
  answerEarly: (request: StrictRequest, socket: Socket) => boolean;
  close(): Promise<void>;
}

/** Tells each caller what of theirs arrived, so that nobody takes another's answer for their own. */
export const answerWithEcho: StrictAnswer = ({ method, target, body }, socket) => {
  const text = JSON.stringify({ method, target, body });
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
    'latin1',
  );
};

/** Answers with these bytes. */
export function answerWithBytes(bytes: string): StrictAnswer {
  return (_, socket) => {
    socket.write(bytes, 'latin1');
  };
}

export async function startStrictUpstream(): Promise<StrictUpstream> {
  const requests: ReceivedRequest[] = [];
  const complaints: string[] = [];
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const upstream = {
    origin: '',
    requests,
    complaints,
    received,
    get openConnections() {
      return sockets.size;
    },
    answer: answerWithEcho,
    answerEarly: (() => false) as StrictUpstream['answerEarly'],
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  const server = createServer((socket) => {
    const connection = received.push('') - 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    const reader = new Reader(connection, socket, upstream);
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      received[connection] += text;
      try {
        reader.take(text);
      } catch (error) {
        complaints.push(error instanceof Error ? error.message : String(error));
        socket.destroy();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  upstream.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return upstream;
}

interface ReaderDeps extends Pick<StrictUpstream, 'answer' | 'answerEarly'> {
  readonly requests: ReceivedRequest[];
}

/** One connection: requests one after the other, each after the answer to the one before. */
class Reader {
  readonly #connection: number;
  readonly #socket: Socket;
  readonly #upstream: ReaderDeps;
  #pending = '';
  #head: StrictRequest | undefined;
  #isAnswering = false;
  #isDone = false;

  constructor(connection: number, socket: Socket, upstream: ReaderDeps) {
    this.#connection = connection;
    this.#socket = socket;
    this.#upstream = upstream;
  }

  take(text: string): void {
    if (this.#isDone) return;
    if (this.#isAnswering) throw new Error(`bytes before the answer: ${JSON.stringify(text.slice(0, 200))}`);
    this.#pending += text;
    if (this.#head === undefined) {
      const read = readStrictHead(this.#pending);
      if (read === undefined) return;
      this.#head = read.request;
      this.#pending = read.rest;
      this.#isDone = this.#upstream.answerEarly(this.#head, this.#socket);
      if (this.#isDone) return;
    }
    const body = readStrictBody(this.#head, this.#pending);
    if (body === undefined) return;
    if (body.rest !== '')
      throw new Error(`bytes after a request: ${JSON.stringify(body.rest.slice(0, 200))}`);
    const request = { ...this.#head, body: body.body, connection: this.#connection };
    this.#pending = '';
    this.#head = undefined;
    this.#upstream.requests.push(request);
    this.#isAnswering = true;
    void this.#answer(request);
  }

  async #answer(request: ReceivedRequest): Promise<void> {
    await this.#upstream.answer(request, this.#socket);
    this.#isAnswering = false;
  }
}
