import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

import type { RequestHead } from '../../platform/http1/message-head.ts';
import type { BodySink, Caller, CallerListener } from '../proxy/caller.ts';
import type { HeaderBlock } from '../proxy/header-block.ts';
import { httpDate } from './http-date.ts';

/** Where the answer's framing and its end are known. */
interface Connection {
  readonly isClosing: boolean;
  onAnswered(caller: SocketCaller): void;
  discard(maxBytes: number): void;
}

const clientGoneStatus = 499;
const noHeaders: readonly string[] = [];
const nothing = Buffer.alloc(0);
/** Of a body that nobody takes yet, this is read, so that a client that leaves is noticed; the rest waits in the network. */
const maxEarlyBytes = 64 * 1024;
/** Pieces up to this go out as text with what was gathered, in one write; larger ones as the bytes they are. */
const smallPieceBytes = 8 * 1024;

/** The fast lane: one call on a bare socket. Writes nothing after its answer is over, whoever asks it to. */
export class SocketCaller implements Caller {
  readonly method: string;
  target: string;
  rawHeaders: readonly string[];
  readonly bodyBytes: number;
  /** Whether the connection ends with this answer, since the client wishes it or the head of the answer said so. */
  isLast: boolean;
  status = clientGoneStatus;
  isHeadSent = false;
  isEnded = false;
  readonly #socket: Socket;
  readonly #connection: Connection;
  #listener: CallerListener | undefined;
  #sink: BodySink | undefined;
  /** Body bytes that came before anybody took them. */
  #early: Buffer | undefined;
  #isBodyWhole: boolean;
  #isChunked = false;
  /** What waits for `flush`, latin1. */
  #gathered = '';
  #isOver = false;
  /** The last bytes are on their way, and somebody will tell when they have left. */
  #isLeaving = false;

  constructor(socket: Socket, connection: Connection, head: RequestHead) {
    this.method = head.method;
    this.target = head.target;
    this.rawHeaders = head.rawHeaders;
    this.bodyBytes = head.bodyBytes;
    this.isLast = !head.keepAlive;
    this.#isBodyWhole = head.bodyBytes === 0;
    this.#socket = socket;
    this.#connection = connection;
  }

  listen(listener: CallerListener): void {
    this.#listener = listener;
    this.#settle();
  }

  takeBody(sink: BodySink): void {
    this.#sink = sink;
    // Before the sink is given anything: it may want a pause of its own.
    if ((this.#early?.length ?? 0) > maxEarlyBytes) this.resumeBody();
    if (this.#early !== undefined) sink.onBody(this.#early);
    this.#early = undefined;
    if (this.#isBodyWhole) sink.onBodyEnd();
  }

  /** Bytes of the body, as the connection gets them. */
  takeIn(bytes: Buffer, isLast: boolean): void {
    this.#isBodyWhole = isLast;
    if (this.#sink === undefined) {
      this.#early = this.#early === undefined ? bytes : Buffer.concat([this.#early, bytes]);
      if (this.#early.length > maxEarlyBytes) this.pauseBody();
      return;
    }
    this.#sink.onBody(bytes);
    if (isLast) this.#sink.onBodyEnd();
  }

  pauseBody(): void {
    this.#socket.pause();
  }

  resumeBody(): void {
    if (!this.#isOver) this.#socket.resume();
  }

  discardBody(maxBytes: number): void {
    this.#sink = undefined;
    this.#early = undefined;
    if (!this.#isOver) this.#connection.discard(maxBytes);
  }

  forgetRequest(): void {
    this.rawHeaders = noHeaders;
    // A copy: what was cut out of the head would keep all of it.
    this.target = Buffer.from(this.target, 'latin1').toString('latin1');
  }

  writeHead(
    status: number,
    common: HeaderBlock,
    headers: readonly string[],
    bodyBytes: number | undefined,
  ): void {
    if (this.isHeadSent || this.#isOver) return;
    this.status = status;
    this.isHeadSent = true;
    this.#isChunked = bodyBytes === undefined;
    const parts = [statusLine(status), common.lines, 'Date: ', httpDate(), '\r\n'];
    for (let index = 0; index + 1 < headers.length; index += 2) {
      parts.push(headers[index] as string, ': ', headers[index + 1] as string, '\r\n');
    }
    if (bodyBytes === undefined) parts.push('Transfer-Encoding: chunked\r\n');
    else if (status !== 204) parts.push('Content-Length: ', String(bodyBytes), '\r\n');
    this.isLast ||= this.#connection.isClosing;
    if (this.isLast) parts.push('Connection: close\r\n');
    parts.push('\r\n');
    // Joined and not added up: a text of many pieces costs more when it is written than when it is made.
    this.#gathered = parts.join('');
  }

  write(bytes: Buffer, from: number, to: number): void {
    if (this.isEnded || this.#isOver || from === to) return;
    if (this.#isChunked) this.#gathered += `${(to - from).toString(16)}\r\n`;
    if (to - from <= smallPieceBytes) {
      this.#gathered += bytes.toString('latin1', from, to);
    } else {
      // In one system call with what follows until `flush`.
      this.#socket.cork();
      this.#socket.write(this.#gathered, 'latin1');
      this.#socket.write(Buffer.from(bytes.subarray(from, to)));
      this.#gathered = '';
    }
    if (this.#isChunked) this.#gathered += '\r\n';
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    if (this.#isChunked) this.#gathered += '0\r\n\r\n';
  }

  flush(): boolean {
    if (this.#isOver) return true;
    if (this.#gathered !== '') this.#socket.write(this.#gathered, 'latin1');
    this.#gathered = '';
    while (this.#socket.writableCorked > 0) this.#socket.uncork();
    this.#settle();
    return !this.#socket.writableNeedDrain;
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#gathered = '';
    this.#socket.destroy();
  }

  /** The client reads again. */
  onDrain(): void {
    this.#listener?.onDrain();
    this.#settle();
  }

  /** No byte of this call goes out any more. */
  onClose(): void {
    this.#isOver = true;
    this.isEnded = true;
    this.#sink = undefined;
    this.#listener?.onClose();
  }

  /** Answers with something else, outside of this call. */
  giveUp(refuse: () => void): void {
    this.#gathered = '';
    this.status = 408;
    this.isHeadSent = true;
    this.isEnded = true;
    refuse();
  }

  /** A client that reads slowly has its answer when the last byte has left. */
  #settle(): void {
    if (!this.isEnded || this.#isOver || this.#listener === undefined || this.#gathered !== '') return;
    if (this.#socket.writableLength === 0) {
      this.#connection.onAnswered(this);
    } else if (!this.#isLeaving) {
      this.#isLeaving = true;
      // `drain` tells of large remains alone. This waits behind what is under way, so that nothing happens within it.
      this.#socket.write(nothing, () => this.#settle());
    }
  }
}

const statusLines = new Map<number, string>();

function statusLine(status: number): string {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = ['HTTP/1.1 ', status, ' ', STATUS_CODES[status] ?? '', '\r\n'].join('');
    statusLines.set(status, line);
  }
  return line;
}
