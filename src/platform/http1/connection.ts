import type { Socket } from 'node:net';

import type { Deadlines } from './deadlines.ts';
import type { Dialer } from './dial.ts';
import type { Carrier, Exchange } from './exchange.ts';
import { RequestWriter } from './request-writer.ts';
import { ResponseReader, responseGoesOn, responseMalformed } from './response-reader.ts';
import type { ClientFailure } from './response-sink.ts';
import type { Sweep, Swept } from './sweep.ts';

/** What connections of one client have in common. */
export interface ConnectionHome {
  readonly dialer: Dialer;
  readonly sweep: Sweep<Connection>;
  readonly deadlines: Deadlines<Connection>;
  readonly maxHeadBytes: number;
  /** The connection waits for a request. */
  onIdle(connection: Connection): void;
  /** The connection is no more. */
  onGone(connection: Connection): void;
  /** An exchange that may be sent again lost its connection. */
  onStale(exchange: Exchange): void;
}

/** A connection to the upstream: carries one exchange at a time, and none after anything odd. */
export class Connection implements Carrier, Swept {
  dueSweep = 0;
  readonly #home: ConnectionHome;
  readonly #socket: Socket;
  readonly #writer: RequestWriter;
  readonly #reader: ResponseReader;
  #exchange: Exchange | undefined;
  #isOpen = false;
  #isGone = false;
  #isPaused = false;
  /** Carried an exchange before. */
  #isUsed = false;

  constructor(home: ConnectionHome) {
    this.#home = home;
    this.#reader = new ResponseReader(home.maxHeadBytes);
    this.#socket = home.dialer.dial((count, bytes) => this.#onRead(count, bytes));
    this.#writer = new RequestWriter(this.#socket);
    this.#socket
      .on(home.dialer.readyEvent, () => this.#onOpen())
      .on('drain', () => this.#onDrain())
      .on('end', () => this.#onEndOfConnection())
      .on('error', () => this.#onBreak())
      .on('close', () => this.#onBreak());
    this.dueSweep = home.deadlines.forConnecting();
    home.sweep.add(this);
  }

  carry(exchange: Exchange): void {
    this.#exchange = exchange;
    exchange.carrier = this;
    this.#reader.expect(exchange.request.method);
    this.#writer.begin(exchange.request);
    this.#watch();
  }

  writeBody(bytes: Buffer): boolean {
    const hasRoom = this.#writer.write(bytes);
    this.#watch();
    return hasRoom;
  }

  completeBody(): void {
    this.#writer.complete();
    this.#watch();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  abandon(): void {
    this.#release();
    this.destroy();
  }

  expire(): void {
    this.#lose(this.#isOpen ? 'header-timeout' : 'connect-timeout');
  }

  /** What it carries fails. */
  cut(): void {
    this.#lose('reset');
  }

  destroy(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#home.sweep.delete(this);
    this.#socket.destroy();
    this.#home.onGone(this);
  }

  #onOpen(): void {
    this.#isOpen = true;
    const hasRoom = this.#writer.open();
    this.#watch();
    if (hasRoom) this.#exchange?.onWritable();
  }

  #onDrain(): void {
    const hasRoom = this.#writer.onDrain();
    this.#watch();
    if (hasRoom) this.#exchange?.onWritable();
  }

  /** The time for the head runs while something is asked of the upstream: to take bytes, or to answer. */
  #watch(): void {
    if (!this.#isOpen || this.#exchange === undefined) return;
    const isUpstreamsTurn = !this.#reader.hasHead && !this.#writer.waitsForBody;
    this.dueSweep = isUpstreamsTurn ? this.#home.deadlines.forHead() : 0;
  }

  #onRead(count: number, bytes: Buffer): boolean {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      // Nobody asked. Whoever came next would take it for their answer.
      this.destroy();
      return false;
    }
    const end = this.#reader.feed(bytes, 0, count, exchange);
    if (exchange.isOver) return false;
    if (end === responseMalformed) {
      this.#lose('malformed');
      return false;
    }
    if (end !== responseGoesOn) {
      this.#finish(exchange, end === count, count === bytes.length);
      return true;
    }
    if (!this.#reader.hasHead) return true;
    this.dueSweep = 0;
    // Before the telling, which may already call `resume`.
    this.#isPaused = true;
    if (exchange.onReadDone()) this.#isPaused = false;
    return !this.#isPaused;
  }

  /**
   * The answer is whole.
   * @param isExact no byte came behind it
   * @param mayHaveMore the read filled its buffer, so that there may be bytes behind it that nobody has seen
   */
  #finish(exchange: Exchange, isExact: boolean, mayHaveMore: boolean): void {
    this.#release();
    if (!isExact || !this.#reader.keepAlive || !this.#writer.isSent) this.destroy();
    else this.#goIdle(mayHaveMore || this.#home.dialer.isSecure);
    exchange.finish();
  }

  /** @param settles to be offered after the next turn of the event loop: a TLS read may come in several parts */
  #goIdle(settles: boolean): void {
    const due = this.#home.deadlines.forIdling(this.#reader.idleSeconds);
    if (due === undefined) {
      this.destroy();
      return;
    }
    this.dueSweep = due;
    this.#isUsed = true;
    this.resume();
    if (settles) setImmediate(() => this.#isGone || this.#home.onIdle(this));
    else this.#home.onIdle(this);
  }

  #onEndOfConnection(): void {
    const exchange = this.#exchange;
    // Under TLS anybody on the way can end the connection; what tells that from the peer's end does not reach us.
    const isEndOfBody = this.#reader.endsWithConnection && !this.#home.dialer.isSecure;
    if (exchange === undefined || !isEndOfBody) {
      this.#onBreak();
      return;
    }
    this.abandon();
    exchange.finish();
  }

  #onBreak(): void {
    if (this.#isOpen) this.#lose('reset');
    else this.#lose(this.#home.dialer.isDistrusted(this.#socket) ? 'untrusted' : 'unreachable');
  }

  #lose(failure: ClientFailure): void {
    const exchange = this.#exchange;
    const isStale = failure === 'reset' && this.#isUsed && !this.#reader.heard;
    this.abandon();
    if (exchange === undefined) return;
    if (isStale && exchange.mayRepeat) this.#home.onStale(exchange);
    else exchange.fail(failure);
  }

  #release(): void {
    if (this.#exchange !== undefined) this.#exchange.carrier = undefined;
    this.#exchange = undefined;
  }
}
