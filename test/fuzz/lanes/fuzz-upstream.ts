import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

import { readStrictBody, readStrictHead, type StrictRequest } from '../../support/strict-request.ts';
import type { Activity } from './activity.ts';
import type { UpstreamAnswer } from './lane-case.ts';

/** A request as it came, with what differs by nature masked. */
export interface HeardRequest {
  readonly head: string;
  body: string;
  isWhole: boolean;
  /** It is answered before its body is there. */
  isEarly: boolean;
  /** The gatehouse let go of it before it was answered in full. */
  isAbandoned: boolean;
}

/** What the upstream does in the case under way. */
interface Script {
  readonly answers: readonly UpstreamAnswer[];
  /** Answers wait for this. */
  readonly released: Promise<void>;
}

const betweenPieces = 4;
const beforeEnd = 8;

/** An MCP server on TCP that reads nothing in two ways, remembers all of it, and answers any bytes. */
export class FuzzUpstream {
  origin = '';
  requests: HeardRequest[] = [];
  complaints: string[] = [];
  script: Script = { answers: [], released: Promise.resolve() };
  readonly activity: Activity;
  readonly #server = createServer({ noDelay: true }, (socket) => {
    this.#take(socket);
  });
  readonly #sockets = new Set<Socket>();

  constructor(activity: Activity) {
    this.activity = activity;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  begin(script: Script): void {
    this.requests = [];
    this.complaints = [];
    this.script = script;
  }

  endAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.endAll();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(socket: Socket): void {
    this.activity.touch();
    this.#sockets.add(socket);
    const connection = new Connection(socket, this);
    socket.on('data', (bytes: Buffer) => {
      this.activity.touch();
      connection.take(bytes.toString('latin1'));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.activity.touch();
      this.#sockets.delete(socket);
      connection.onClose();
    });
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #upstream: FuzzUpstream;
  #pending = '';
  #head: StrictRequest | undefined;
  #heard: HeardRequest | undefined;
  /** The latest request, be it over or not. */
  #latest: HeardRequest | undefined;
  #isAnswered = false;

  constructor(socket: Socket, upstream: FuzzUpstream) {
    this.#socket = socket;
    this.#upstream = upstream;
  }

  take(text: string): void {
    // Whoever sends the next request takes the answer for complete, whatever else would have been in it.
    if (this.#heard?.isWhole === true) this.#forget();
    this.#pending += text;
    try {
      if (this.#head === undefined) this.#readHead();
      if (this.#head !== undefined) this.#readBody(this.#head);
    } catch (error) {
      this.#upstream.complaints.push(error instanceof Error ? error.message : String(error));
      this.#socket.destroy();
    }
  }

  onClose(): void {
    if (this.#heard !== undefined) this.#heard.isAbandoned = true;
    this.#heard = undefined;
  }

  #readHead(): void {
    const read = readStrictHead(this.#pending);
    if (read === undefined) return;
    this.#head = read.request;
    this.#pending = read.rest;
    this.#isAnswered = false;
    const head = mask(read.request.head);
    this.#heard = { head, body: '', isWhole: false, isEarly: false, isAbandoned: false };
    this.#latest = this.#heard;
    this.#upstream.requests.push(this.#heard);
    const answer = this.#choose();
    if (answer?.on !== 'head' || read.request.framing === 'none') return;
    this.#heard.isEarly = true;
    // It does not know where the next request begins.
    void this.#answer({ ...answer, after: answer.after === 'cut' ? 'cut' : 'end' }, this.#heard);
  }

  #readBody(head: StrictRequest): void {
    const heard = this.#heard;
    if (heard === undefined) return;
    const read = readStrictBody(head, this.#pending);
    heard.body = read?.body ?? partOf(head, this.#pending);
    if (read === undefined) return;
    if (read.rest !== '') throw new Error(`bytes behind a request: ${read.rest}`);
    heard.isWhole = true;
    this.#pending = '';
    const answer = this.#choose();
    if (this.#isAnswered) this.#forget();
    else if (answer !== undefined && !heard.isEarly) void this.#answer(answer, heard);
  }

  #forget(): void {
    this.#heard = undefined;
    this.#head = undefined;
  }

  #choose(): UpstreamAnswer | undefined {
    const { answers } = this.#upstream.script;
    const requestLine = this.#heard?.head.split('\r\n', 1)[0] ?? '';
    return answers[sum(requestLine) % answers.length];
  }

  async #answer(answer: UpstreamAnswer, heard: HeardRequest): Promise<void> {
    const { activity, script } = this.#upstream;
    await script.released;
    for (const [index, piece] of answer.pieces.entries()) {
      if (index > 0) await activity.turns(betweenPieces);
      if (this.#heard !== heard) return;
      activity.touch();
      if (this.#socket.writable) this.#socket.write(piece, 'latin1');
    }
    this.#isAnswered = true;
    if (heard.isWhole) this.#forget();
    if (answer.after === 'keep') return;
    // Not while the next request is on its way: that would be its loss, and a matter of chance.
    await activity.turns(beforeEnd);
    if (this.#latest !== heard) return;
    activity.touch();
    if (answer.after === 'end') this.#socket.end();
    else this.#socket.resetAndDestroy();
  }
}

/** What has come of a body, without the framing. */
function partOf(head: StrictRequest, bytes: string): string {
  if (head.framing !== 'chunked') return bytes;
  let body = '';
  for (let rest = bytes; ;) {
    const line = /^([0-9a-f]+)\r\n/i.exec(rest);
    if (line === null) return body;
    const size = Number.parseInt(line[1] as string, 16);
    body += rest.slice(line[0].length, line[0].length + size);
    rest = rest.slice(line[0].length + size + 2);
  }
}

function mask(head: string): string {
  return head
    .replace(/^x-request-id: [\w-]{16}$/im, 'x-request-id: *')
    .replace(/^host: 127\.0\.0\.1:\d+$/im, 'host: *');
}

function sum(text: string): number {
  let total = 0;
  for (let at = 0; at < text.length; at += 1) total = (total * 31 + text.charCodeAt(at)) >>> 0;
  return total;
}
