import type { Socket } from 'node:net';

import { parseRequestHead } from '../../platform/http1/request-head.ts';
import type { FastLaneDeps } from './fast-lane.ts';
import { SocketCaller } from './socket-caller.ts';

/** What a connection knows of the lane that it is in. */
export interface Lane extends FastLaneDeps {
  forget(connection: PlainConnection): void;
}

/** Requests that came early wait in this many bytes. A connection that brings more is cut. */
const maxHeldBytes = 64 * 1024;

/**
 * One connection of the fast lane: reads heads and bodies, one call at a time. Bytes are either a head, the body of the
 * call under way, the rest of a body that nobody wants, or a next request that came early; or the connection is over.
 */
export class PlainConnection {
  readonly #socket: Socket;
  readonly #lane: Lane;
  readonly #peer: string;
  /** The call under way. */
  #caller: SocketCaller | undefined;
  /** What is still to come of the body of the latest call. */
  #bodyLeft = 0;
  /** Of what is to come and not wanted, how much is taken in. Undefined: it is wanted. */
  #discardLeft: number | undefined;
  /** A head that is not whole, or requests that came early. */
  #held: Buffer | undefined;
  #isAdvancing = false;
  #isEnding = false;
  /** When the present state began. */
  #since = performance.now();

  constructor(socket: Socket, lane: Lane) {
    this.#socket = socket;
    this.#lane = lane;
    this.#peer = socket.remoteAddress ?? '';
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('drain', this.#onDrain);
    socket.on('close', this.#onClose);
    socket.on('error', destroyBroken);
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#isEnding) {
      this.#swallow(bytes.length);
      return;
    }
    const body = Math.min(bytes.length, this.#bodyLeft);
    if (body > 0) this.#takeBody(body === bytes.length ? bytes : bytes.subarray(0, body));
    if (body === bytes.length) return;
    this.#hold(body === 0 ? bytes : bytes.subarray(body));
    this.#advance();
  };

  /** As in the standard lane: who says no more has left. */
  readonly #onEnd = (): void => {
    if (this.#caller === undefined) this.#socket.end();
    else this.#socket.destroy();
  };

  readonly #onDrain = (): void => {
    this.#caller?.onDrain();
  };

  readonly #onClose = (): void => {
    this.#lane.forget(this);
    this.#held = undefined;
    this.#isEnding = true;
    this.#closeCall();
  };

  /** Looks whether something takes too long. */
  sweep(now: number): void {
    const { headMs, requestMs, keepAliveMs } = this.#lane.limits;
    const age = now - this.#since;
    if (this.#isEnding) {
      if (age > requestMs) this.#socket.destroy();
    } else if (this.#bodyLeft > 0) {
      if (age > requestMs) this.#giveUpBody();
    } else if (this.#caller === undefined && this.#held !== undefined) {
      if (age > headMs) this.#handOver();
    } else if (this.#caller === undefined && age > keepAliveMs) {
      this.#socket.destroy();
    }
  }

  /** Whether the connection ends with the answer under way, whatever its client wishes. */
  get isClosing(): boolean {
    return this.#lane.isDraining();
  }

  closeIdle(): void {
    if (this.#caller === undefined && this.#held === undefined) this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Goes through what came early, request by request. */
  #advance(): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    while (this.#held !== undefined && this.#caller === undefined && this.#bodyLeft === 0) {
      if (this.#isEnding || this.#socket.destroyed || !this.#begin(this.#held)) break;
    }
    this.#isAdvancing = false;
  }

  /** Begins the call that these bytes are the beginning of; false when that is not to be said yet, or not here. */
  #begin(bytes: Buffer): boolean {
    const { headBytes } = this.#lane.limits;
    const text = bytes.toString('latin1', 0, Math.min(bytes.length, headBytes));
    const headEnd = text.indexOf('\r\n\r\n') + 4;
    if (headEnd < 4) {
      if (bytes.length >= headBytes) this.#handOver();
      return false;
    }
    const head = parseRequestHead(headEnd === text.length ? text : text.slice(0, headEnd));
    if (head === undefined) {
      this.#handOver();
      return false;
    }
    return this.#start(new SocketCaller(this.#socket, this, head), bytes, headEnd);
  }

  #start(caller: SocketCaller, bytes: Buffer, headEnd: number): boolean {
    this.#caller = caller;
    this.#bodyLeft = caller.bodyBytes;
    const listener = this.#lane.answer(caller, this.#peer);
    if (listener === undefined) {
      this.#caller = undefined;
      this.#bodyLeft = 0;
      this.#handOver();
      return false;
    }
    this.#lane.onCall();
    this.#since = performance.now();
    const bodyEnd = Math.min(bytes.length, headEnd + caller.bodyBytes);
    this.#held = bodyEnd === bytes.length ? undefined : bytes.subarray(bodyEnd);
    if (bodyEnd > headEnd) this.#takeBody(bytes.subarray(headEnd, bodyEnd));
    caller.listen(listener);
    return true;
  }

  #takeBody(bytes: Buffer): void {
    this.#bodyLeft -= bytes.length;
    if (this.#discardLeft !== undefined) this.#swallow(bytes.length);
    else this.#caller?.takeIn(bytes, this.#bodyLeft === 0);
    if (this.#bodyLeft === 0) this.#discardLeft = undefined;
  }

  #swallow(count: number): void {
    this.#discardLeft = (this.#discardLeft ?? 0) - count;
    if (this.#discardLeft < 0) this.#socket.destroy();
  }

  #hold(bytes: Buffer): void {
    if (this.#held === undefined && this.#caller === undefined) this.#since = performance.now();
    this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    if (this.#held.length <= maxHeldBytes || this.#caller === undefined) return;
    // Not read any further, it could not tell that its client has left: the call would hold its place for nobody.
    this.#isEnding = true;
    this.#held = undefined;
    this.#lane.refuseEarly(this.#socket);
  }

  /** @see Caller.discardBody */
  discard(maxBytes: number): void {
    if (this.#bodyLeft > 0) this.#discardLeft = maxBytes;
    this.#socket.resume();
  }

  /** The answer is out to its last byte. */
  onAnswered(caller: SocketCaller): void {
    if (caller !== this.#caller) return;
    this.#closeCall();
    this.#since = performance.now();
    // Not whenever connections end by now: a proxy in front that was not told so may be sending its next call over it.
    if (caller.isLast) {
      this.#isEnding = true;
      // Behind the last request there is none, whatever it looks like. RFC 9112 §9.6
      this.#held = undefined;
      this.#discardLeft ??= maxHeldBytes;
      this.#socket.end();
    }
    this.#socket.resume();
    this.#advance();
  }

  #closeCall(): void {
    const caller = this.#caller;
    if (caller === undefined) return;
    this.#caller = undefined;
    // Nobody took it: what is still to come of it is not the next request.
    if (this.#bodyLeft > 0) this.#discardLeft ??= maxHeldBytes;
    this.#lane.onCallOver();
    caller.onClose();
  }

  #giveUpBody(): void {
    this.#bodyLeft = 0;
    this.#isEnding = true;
    this.#discardLeft = maxHeldBytes;
    this.#since = performance.now();
    if (this.#caller === undefined || this.#caller.isHeadSent) {
      this.#socket.destroy();
      return;
    }
    this.#caller.giveUp(() => this.#lane.refuseSlow(this.#socket));
    // Not when the connection closes: that is for the client to say, and the call holds a place until then.
    this.#closeCall();
  }

  /** Out of this lane for good; nothing was consumed, nothing was answered. */
  #handOver(): void {
    const socket = this.#socket;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('drain', this.#onDrain);
    socket.off('close', this.#onClose);
    socket.off('error', destroyBroken);
    this.#lane.forget(this);
    if (this.#held !== undefined) socket.unshift(this.#held);
    this.#held = undefined;
    this.#isEnding = true;
    this.#lane.handOver(socket);
  }
}

/** `close` follows, and says it to whom it concerns. Of a fault in TLS Node only tells, and leaves the socket open. */
function destroyBroken(this: Socket): void {
  this.destroy();
}
