import type { IncomingMessage, ServerResponse } from 'node:http';

import { headerValues } from '../../platform/http/raw-headers.ts';
import type { BodySink, Caller, CallerListener } from './caller.ts';
import type { HeaderBlock } from './header-block.ts';

/** What servers log for a client that left before anything was sent; nobody is ever sent it. */
const clientGoneStatus = 499;
const smallPieceBytes = 8 * 1024;

/** The standard lane: a call that Node's own server has parsed. Node has refused contradictory framing by now. */
export class NodeCaller implements Caller {
  readonly bodyBytes: number | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #closing: () => boolean;
  #isHeadWaiting = false;
  /** What waits for `flush`, latin1. */
  #gathered = '';
  /** Set when the connection was answered outside of the response. */
  bareStatus: number | undefined;

  /** @param closing whether the connection is to end with this answer */
  constructor(request: IncomingMessage, response: ServerResponse, closing: () => boolean) {
    this.#request = request;
    this.#response = response;
    this.#closing = closing;
    this.bodyBytes = bodyBytesOf(request);
    // A client that breaks off is no error of ours, and `close` on the response says so anyway.
    request.on('error', ignore);
    response.on('error', ignore);
  }

  get method(): string {
    return this.#request.method ?? '';
  }

  get target(): string {
    return this.#request.url ?? '';
  }

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
  }

  listen(listener: CallerListener): void {
    this.#response.on('drain', () => {
      listener.onDrain();
    });
    // It comes once; saying so would cost every open stream a closure more.
    this.#response.on('close', () => {
      listener.onClose();
    });
  }

  takeBody(sink: BodySink): void {
    this.#request.on('data', (chunk: Buffer) => {
      sink.onBody(chunk);
    });
    this.#request.once('end', () => {
      sink.onBodyEnd();
    });
  }

  pauseBody(): void {
    this.#request.pause();
  }

  resumeBody(): void {
    this.#request.resume();
  }

  discardBody(maxBytes: number): void {
    const request = this.#request;
    if (request.readableEnded || request.destroyed) return;
    let discarded = 0;
    request.removeAllListeners('data');
    request.on('data', (chunk: Buffer) => {
      discarded += chunk.length;
      if (discarded > maxBytes) request.destroy();
    });
    request.resume();
  }

  forgetRequest(): void {
    this.#request.rawHeaders = [];
    this.#request.headers = {};
  }

  get status(): number {
    return this.isHeadSent ? this.#response.statusCode : (this.bareStatus ?? clientGoneStatus);
  }

  get isHeadSent(): boolean {
    return this.#response.headersSent;
  }

  get isEnded(): boolean {
    return this.#response.writableEnded || this.#response.destroyed;
  }

  writeHead(
    status: number,
    common: HeaderBlock,
    headers: readonly string[],
    bodyBytes: number | undefined,
  ): void {
    const all = [...common.list, ...headers];
    if (bodyBytes !== undefined && status !== 204) all.push('Content-Length', String(bodyBytes));
    if (this.#closing()) all.push('Connection', 'close');
    this.#response.writeHead(status, all);
    this.#isHeadWaiting = true;
  }

  write(bytes: Buffer, from: number, to: number): void {
    // Either way it is a copy: Node may keep what it cannot write at once.
    if (to - from <= smallPieceBytes) {
      this.#gathered += bytes.toString('latin1', from, to);
    } else {
      this.#writeGathered();
      this.#isHeadWaiting = false;
      this.#response.write(Buffer.from(bytes.subarray(from, to)));
    }
  }

  end(): void {
    this.#isHeadWaiting = false;
    // With the head in one piece, if that has not gone out yet.
    this.#response.end(this.#gathered, 'latin1');
    this.#gathered = '';
  }

  flush(): boolean {
    this.#writeGathered();
    // The first byte may be long in coming, and the client wants to know that it is connected. Not `flushHeaders`: that
    // takes the head for UTF-8, and would write other bytes than the upstream did.
    if (this.#isHeadWaiting) this.#response.write('', 'latin1');
    this.#isHeadWaiting = false;
    return !this.#response.writableNeedDrain;
  }

  #writeGathered(): void {
    if (this.#gathered === '') return;
    this.#isHeadWaiting = false;
    this.#response.write(this.#gathered, 'latin1');
    this.#gathered = '';
  }

  destroy(): void {
    this.#response.destroy();
  }
}

function bodyBytesOf(request: IncomingMessage): number | undefined {
  if (headerValues(request.rawHeaders, 'transfer-encoding').length > 0) return undefined;
  return Number(headerValues(request.rawHeaders, 'content-length')[0] ?? '0');
}

function ignore(): void {
  // Nothing to do.
}
