import type { ClientExchange, ResponseSink } from '../../platform/http1/response-sink.ts';
import type { BodySink } from './caller.ts';
import type { ForwardedCall, Route } from './forwarder.ts';
import type { Refusal } from './refusal.ts';

/** Who waits for the answer, and hears of a body that passes the cap. */
export interface CallListener extends ResponseSink {
  onBodyTooLarge(): void;
  /** The body says something that must not reach the upstream. */
  onBodyRefused(refusal: Refusal): void;
}

const chunkEnd = Buffer.from('0\r\n\r\n');
const nothing: string[] = [];

/** One call on its way to the upstream: its head, its body, and where it was sent to so far. */
export class OutgoingCall implements BodySink {
  #call: ForwardedCall;
  readonly #route: Route;
  readonly #listener: CallListener;
  #headers: string;
  #request: ClientExchange | undefined;
  /** All of the body, where it was small. */
  #whole: Buffer | 'none' | undefined;
  #pieces: Buffer[] | undefined;
  #isOver = false;
  #visited: string[] = [];
  /** The upstream has all of it, as far as it depends on the client. */
  isBodySent = false;

  /** @param headers the header lines for the upstream */
  constructor(call: ForwardedCall, headers: string, route: Route, listener: CallListener) {
    this.#call = call;
    this.#headers = headers;
    this.#route = route;
    this.#listener = listener;
  }

  /** Targets that the call was sent to so far. */
  get visited(): readonly string[] {
    return this.#visited;
  }

  /** Whether it can be sent again as it was. */
  get isReplayable(): boolean {
    return this.#whole !== undefined;
  }

  /** The upstream hears of the call when its body is whole: a client that stops half-way costs it nothing. */
  launch(body: Buffer | 'none'): void {
    this.#whole = body;
    this.isBodySent = true;
    this.send(this.#call.target);
  }

  /** Sends the head at once, and the body as it comes. */
  stream(): void {
    this.send(this.#call.target);
    this.#call.exchange.caller.takeBody(this);
  }

  /** Nothing that an upstream said gets into the request but the target. */
  send(target: string): void {
    this.#visited.push(target);
    const body = this.#whole ?? 'streamed';
    this.#request = this.#route.send(
      { call: this.#call, target, headers: this.#headers, body },
      this.#listener,
    );
  }

  onBody(bytes: Buffer): void {
    if (this.#isOver) return;
    const { exchange } = this.#call;
    exchange.requestBytes += bytes.length;
    if (exchange.requestBytes > this.#route.maxBodyBytes) {
      this.#pieces = undefined;
      this.#listener.onBodyTooLarge();
      return;
    }
    if (this.#request === undefined) {
      (this.#pieces ??= []).push(bytes);
      return;
    }
    const piece = exchange.caller.bodyBytes === undefined ? formatChunk(bytes) : bytes;
    if (!this.#request.write(piece)) exchange.caller.pauseBody();
  }

  onBodyEnd(): void {
    if (this.#isOver) return;
    const { exchange } = this.#call;
    if (this.#request === undefined) {
      const [first = Buffer.alloc(0), ...others] = this.#pieces ?? [];
      this.#pieces = undefined;
      const body = others.length === 0 ? first : Buffer.concat([first, ...others]);
      const refusal = this.#call.onWholeBody(exchange, body);
      if (refusal === undefined) this.launch(body);
      else this.#listener.onBodyRefused(refusal);
      return;
    }
    this.isBodySent = true;
    if (exchange.caller.bodyBytes === undefined) this.#request.write(chunkEnd);
    this.#request.endBody();
  }

  /** Goes on reading the answer. */
  resume(): void {
    this.#request?.resume();
  }

  /** Gives up the connection that carries it; it may be sent again. */
  drop(): void {
    this.#request?.abort();
  }

  /** Nothing more is taken from the client. */
  close(): void {
    this.#isOver = true;
  }

  /** There are thousands of streams that do nothing. What is here no more is sent nowhere again. */
  forget(): void {
    // A target is cut out of a head, and would keep all of it.
    this.#call = { ...this.#call, target: '' };
    this.#headers = '';
    this.#whole = undefined;
    this.#visited = nothing;
  }
}

function formatChunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}
