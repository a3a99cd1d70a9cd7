import { connect, type Socket } from 'node:net';

import { AnswerReader } from './answer-reader.ts';

/** What came of one call. */
export interface CallOutcome {
  /** 0: no answer. */
  readonly status: number;
  readonly head: string;
  /** The beginning of it. */
  readonly body: string;
  readonly bodyBytes: number;
  /** Whether the answer came to its end. */
  readonly isWhole: boolean;
  /** Milliseconds, monotonic; the second is when the answer was over. */
  readonly startedAt: number;
  readonly headAt: number;
  readonly endedAt: number;
}

export interface CallHooks {
  readonly onHead?: (status: number) => void;
  readonly onBody?: (bytes: Buffer) => void;
}

/** Longer than anything may take: whoever runs into it was left hanging. */
const patienceMilliseconds = 20_000;
const keptBytes = 2_048;

/** One connection of a client, for one call after the other. */
export class MountConnection {
  readonly socket: Socket;
  /** Whether another call can be made. */
  isUsable = true;
  readonly closed: Promise<void>;
  readonly #reader: AnswerReader;
  #hooks: CallHooks = {};
  #settle: ((outcome: CallOutcome) => void) | undefined;
  #status = 0;
  #head = '';
  #body = '';
  #bodyBytes = 0;
  #startedAt = 0;
  #headAt = 0;

  /** @param localAddress of 127.0.0.0/8; each has ports of its own */
  constructor(port: number, localAddress = '127.0.0.1') {
    this.socket = connect({ port, host: '127.0.0.1', localAddress });
    this.socket.setNoDelay(true);
    this.#reader = new AnswerReader({
      onHead: (status, head) => this.#onHead(status, head),
      onBody: (bytes) => this.#onBody(bytes),
      onEnd: () => this.#finish(true),
    });
    this.socket.on('data', (bytes: Buffer) => this.#reader.feed(bytes));
    this.socket.on('error', () => undefined);
    this.socket.on('timeout', () => this.socket.destroy());
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.isUsable = false;
        this.#finish(this.#status !== 0 && this.#reader.endsWithConnection);
        resolve();
      });
    });
  }

  /** Sends a request and resolves when its answer is over, or will not come. Never rejects. */
  call(request: string | Buffer, hooks: CallHooks = {}): Promise<CallOutcome> {
    this.#hooks = hooks;
    this.#status = 0;
    this.#head = '';
    this.#body = '';
    this.#bodyBytes = 0;
    this.#startedAt = performance.now();
    this.#headAt = 0;
    this.socket.setTimeout(patienceMilliseconds);
    return new Promise((resolve) => {
      this.#settle = resolve;
      if (!this.isUsable) this.#finish(false);
      else this.socket.write(request, 'latin1');
    });
  }

  /** For a stream, which may be silent as long as it likes. */
  waitForever(): void {
    this.socket.setTimeout(0);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #onHead(status: number, head: string): void {
    this.#status = status;
    this.#head = head;
    this.#headAt = performance.now();
    if (/^connection: *close$/im.test(head)) this.isUsable = false;
    this.#hooks.onHead?.(status);
  }

  #onBody(bytes: Buffer): void {
    if (this.#bodyBytes < keptBytes) this.#body += bytes.toString('latin1', 0, keptBytes);
    this.#bodyBytes += bytes.length;
    this.#hooks.onBody?.(bytes);
  }

  #finish(isWhole: boolean): void {
    const settle = this.#settle;
    this.#settle = undefined;
    if (!isWhole) this.isUsable = false;
    settle?.({
      status: this.#status,
      head: this.#head,
      body: this.#body,
      bodyBytes: this.#bodyBytes,
      isWhole,
      startedAt: this.#startedAt,
      headAt: this.#headAt,
      endedAt: performance.now(),
    });
  }
}
