import type { Socket } from 'node:net';

import type { ClientRequest } from './response-sink.ts';

/** Up to this size a body goes out as one string with its head: one system call, and no Buffer. */
const maxJoinedBytes = 8 * 1024;
/** Larger bodies go out in pieces of this size, so that it can be seen whether they move. */
const pieceBytes = 64 * 1024;

/** Sends the requests of one connection, one after the other. */
export class RequestWriter {
  readonly #socket: Socket;
  /** What is to go out when the connection is there: a head must not reach a peer whose certificate nobody has seen. */
  #held: ClientRequest | undefined;
  #heldPieces: Buffer[] = [];
  #isOpen = false;
  /** What is left of a body that was handed over whole. */
  #rest: Buffer | undefined;
  /** All of the body has been handed over. */
  #isComplete = true;
  /** Somebody was told to stop until there is room. */
  #isBlocked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Every byte of the request has left for the kernel. */
  get isSent(): boolean {
    return this.#isComplete && this.#rest === undefined && this.#socket.writableLength === 0;
  }

  /** Nothing goes on until there is more of the body. */
  get waitsForBody(): boolean {
    return !this.#isComplete && !this.#isBlocked;
  }

  /** The connection stands. True: whoever was told to stop can go on. */
  open(): boolean {
    this.#isOpen = true;
    const request = this.#held;
    if (request === undefined) return false;
    this.#held = undefined;
    this.#socket.cork();
    this.#send(request);
    for (const piece of this.#heldPieces) this.#socket.write(piece);
    this.#heldPieces = [];
    this.#socket.uncork();
    return this.#isBlocked && !this.#socket.writableNeedDrain && this.onDrain();
  }

  begin(request: ClientRequest): void {
    this.#isComplete = request.body !== 'streamed';
    this.#isBlocked = false;
    this.#rest = undefined;
    if (this.#isOpen) this.#send(request);
    else this.#held = request;
  }

  #send(request: ClientRequest): void {
    const { head, body } = request;
    if (typeof body === 'string') {
      this.#socket.write(head, 'latin1');
    } else if (body.length <= maxJoinedBytes) {
      this.#socket.write(head + body.toString('latin1'), 'latin1');
    } else {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#rest = body;
      this.#sendRest();
      this.#socket.uncork();
    }
  }

  /** Sends a piece of a streamed body. False: stop until `open` or `onDrain` says true. */
  write(bytes: Buffer): boolean {
    // An empty write makes a TLS socket read, in the midst of whatever is being done now.
    if (bytes.length === 0) return !this.#isBlocked;
    if (!this.#isOpen) {
      this.#heldPieces.push(bytes);
      this.#isBlocked = true;
    } else if (!this.#socket.write(bytes)) {
      this.#isBlocked = true;
    }
    return !this.#isBlocked;
  }

  complete(): void {
    this.#isComplete = true;
  }

  /** There is room again. True: for whoever was told to stop. */
  onDrain(): boolean {
    while (this.#rest !== undefined) if (!this.#sendRest()) return false;
    const wasBlocked = this.#isBlocked;
    this.#isBlocked = false;
    return wasBlocked;
  }

  #sendRest(): boolean {
    const rest = this.#rest;
    if (rest === undefined) return true;
    this.#rest = rest.length > pieceBytes ? rest.subarray(pieceBytes) : undefined;
    return this.#socket.write(rest.subarray(0, pieceBytes));
  }
}
