/** What is told of one answer as it comes. */
export interface AnswerHooks {
  readonly onHead: (status: number, head: string) => void;
  readonly onBody: (bytes: Buffer) => void;
  readonly onEnd: () => void;
}

/** Reads the answers of one connection, one after the other, and keeps nothing of their bodies. */
export class AnswerReader {
  readonly #hooks: AnswerHooks;
  #line = '';
  #head = '';
  #state: 'head' | 'counted' | 'size' | 'chunk' | 'trailer' | 'to-end' = 'head';
  /** Of the body or the chunk. */
  #left = 0;

  constructor(hooks: AnswerHooks) {
    this.#hooks = hooks;
  }

  feed(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) at = this.#isInBody() ? this.#takeBody(bytes, at) : this.#takeLine(bytes, at);
  }

  /** Whether the end of the connection is the end of the answer. */
  get endsWithConnection(): boolean {
    return this.#state === 'to-end';
  }

  #isInBody(): boolean {
    return this.#state === 'counted' || this.#state === 'chunk' || this.#state === 'to-end';
  }

  #takeBody(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#left);
    this.#left -= to - from;
    this.#hooks.onBody(bytes.subarray(from, to));
    if (this.#left === 0 && this.#state === 'chunk') this.#state = 'size';
    if (this.#left === 0 && this.#state === 'counted') this.#finish();
    return to;
  }

  #takeLine(bytes: Buffer, from: number): number {
    const lineEnd = bytes.indexOf(10, from);
    if (lineEnd < 0) {
      this.#line += bytes.toString('latin1', from);
      return bytes.length;
    }
    const line = (this.#line + bytes.toString('latin1', from, lineEnd)).trimEnd();
    this.#line = '';
    this.#judgeLine(line);
    return lineEnd + 1;
  }

  #judgeLine(line: string): void {
    if (this.#state === 'head') {
      if (line !== '') this.#head += `${line}\n`;
      else if (this.#head !== '') this.#judgeHead();
    } else if (this.#state === 'trailer') {
      if (line === '') this.#finish();
    } else if (line !== '') {
      this.#left = Number.parseInt(line, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'chunk';
    }
  }

  #judgeHead(): void {
    const head = this.#head;
    this.#head = '';
    const status = Number(head.slice(9, 12));
    if (status < 200) return;
    const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
    const isChunked = /^transfer-encoding: *chunked$/im.test(head);
    this.#left = Number(length ?? Infinity);
    this.#state = isChunked ? 'size' : length === undefined ? 'to-end' : 'counted';
    this.#hooks.onHead(status, head);
    if (this.#left === 0 || status === 204) this.#finish();
  }

  #finish(): void {
    this.#state = 'head';
    this.#hooks.onEnd();
  }
}
