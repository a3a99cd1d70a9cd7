import type { ResponseHead } from './message-head.ts';
import type { ResponseTaker } from './response-reader.ts';
import type { ClientExchange, ClientFailure, ClientRequest, ResponseSink } from './response-sink.ts';

/** What an exchange asks of the connection that carries it. */
export interface Carrier {
  writeBody(bytes: Buffer): boolean;
  completeBody(): void;
  resume(): void;
  /** Gives up the exchange, and the connection with it. */
  abandon(): void;
}

/** Methods whose repetition does no more than their first sending. RFC 9110 §9.2.2 */
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

const answered: ClientRequest = { method: '', head: '', body: 'none' };

/** A request and whoever waits for its answer. Here alone is seen to it that nothing is told after the end. */
export class Exchange implements ClientExchange, ResponseTaker {
  /** Without head and body once its answer has begun. */
  request: ClientRequest;
  /** Undefined when no connection carries it. */
  carrier: Carrier | undefined;
  readonly #sink: ResponseSink;
  #isOver = false;

  constructor(request: ClientRequest, sink: ResponseSink) {
    this.request = request;
    this.#sink = sink;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether it may be sent again when nobody knows if it arrived. */
  get mayRepeat(): boolean {
    return this.request.body === 'none' && repeatable.has(this.request.method);
  }

  write(bytes: Buffer): boolean {
    return this.carrier === undefined || this.carrier.writeBody(bytes);
  }

  endBody(): void {
    this.carrier?.completeBody();
  }

  resume(): void {
    this.carrier?.resume();
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.carrier?.abandon();
  }

  onHead(head: ResponseHead): void {
    // Nobody sends it again, and an answer may take days.
    this.request = answered;
    if (!this.#isOver) this.#sink.onHead(head);
  }

  onData(bytes: Buffer, from: number, to: number): void {
    if (!this.#isOver) this.#sink.onData(bytes, from, to);
  }

  /** @returns false: read no more */
  onReadDone(): boolean {
    return !this.#isOver && this.#sink.onReadDone();
  }

  onWritable(): void {
    if (!this.#isOver) this.#sink.onWritable();
  }

  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onEnd();
    this.#sink.onReadDone();
  }

  fail(failure: ClientFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onFailure(failure);
  }
}
