import { bodyGoesOn, bodyMalformed, ChunkedBody } from './chunked-body.ts';
import { idleSecondsOffered } from './idle-time.ts';
import type { ResponseHead } from './message-head.ts';
import { parseResponseHead } from './response-head.ts';

/** What `ResponseReader.feed` says when there is more of the response to come. */
export const responseGoesOn = bodyGoesOn;
/** What it says when this is no response, or one that can be read in two ways. */
export const responseMalformed = bodyMalformed;

/** The part of a `ResponseSink` that hears what a response says. */
export interface ResponseTaker {
  onHead(head: ResponseHead): void;
  onData(bytes: Buffer, from: number, to: number): void;
}

/** An upstream that sends interim heads without end would hold a request for ever. */
const maxInterimHeads = 8;
const versionText = 'HTTP/1.';

type Stage = 'head' | 'none' | 'length' | 'chunked' | 'close';

/** Reads the responses of one connection, one after the other, however they are cut. Knows nothing of sockets. */
export class ResponseReader {
  readonly #maxHeadBytes: number;
  #stage: Stage = 'head';
  #method = '';
  /** The beginning of a head that is not whole yet. */
  #partialHead = '';
  #interimHeads = 0;
  #remainingBytes = 0;
  #chunks: ChunkedBody | undefined;
  #keepAlive = false;
  #idleSeconds = 0;
  #heard = false;

  constructor(maxHeadBytes: number) {
    this.#maxHeadBytes = maxHeadBytes;
  }

  /** Any byte of the response has come. */
  get heard(): boolean {
    return this.#heard;
  }

  /** The final head has been told. */
  get hasHead(): boolean {
    return this.#stage !== 'head';
  }

  /** The head allows the connection another request. */
  get keepAlive(): boolean {
    return this.#keepAlive;
  }

  /** For how long the upstream said it keeps an idle connection; `Infinity` when it said nothing. */
  get idleSeconds(): number {
    return this.#idleSeconds;
  }

  /** The end of the connection is the end of the body. */
  get endsWithConnection(): boolean {
    return this.#stage === 'close';
  }

  /** What comes next answers a request with this method. */
  expect(method: string): void {
    this.#stage = 'head';
    this.#method = method;
    this.#partialHead = '';
    this.#interimHeads = 0;
    this.#chunks = undefined;
    this.#heard = false;
  }

  /**
   * Reads `bytes` from `from` up to `to`, of which there is at least one.
   * @returns the position just after the response, `responseGoesOn`, or `responseMalformed`
   */
  feed(bytes: Buffer, from: number, to: number, taker: ResponseTaker): number {
    this.#heard = true;
    let at = from;
    while (this.#stage === 'head') {
      if (at === to) return responseGoesOn;
      at = this.#readHead(bytes, at, to, taker);
      if (at < 0) return at;
    }
    return this.#readBody(bytes, at, to, taker);
  }

  #readHead(bytes: Buffer, from: number, to: number, taker: ResponseTaker): number {
    const known = this.#partialHead.length;
    const room = this.#maxHeadBytes - known;
    const text = this.#partialHead + bytes.toString('latin1', from, Math.min(to, from + room));
    const blankLine = text.indexOf('\r\n\r\n', Math.max(0, known - 3));
    if (blankLine < 0) {
      this.#partialHead = text;
      return to - from >= room || isHopeless(text) ? responseMalformed : responseGoesOn;
    }
    this.#partialHead = '';
    const size = blankLine + 4;
    const head = parseResponseHead(size === text.length ? text : text.slice(0, size), this.#method);
    if (head === undefined || !this.#acceptHead(head, taker)) return responseMalformed;
    return from + size - known;
  }

  #acceptHead(head: ResponseHead, taker: ResponseTaker): boolean {
    if (head.status < 200) {
      this.#interimHeads += 1;
      // Nobody asked to speak anything else: what followed would be no HTTP, behind a request that was let in as HTTP.
      return head.status !== 101 && this.#interimHeads <= maxInterimHeads;
    }
    const { framing } = head;
    this.#stage = framing.kind;
    if (framing.kind === 'length') this.#remainingBytes = framing.bytes;
    else if (framing.kind === 'chunked') this.#chunks = new ChunkedBody();
    this.#keepAlive = head.keepAlive;
    this.#idleSeconds = idleSecondsOffered(head.rawHeaders);
    taker.onHead(head);
    return true;
  }

  #readBody(bytes: Buffer, from: number, to: number, taker: ResponseTaker): number {
    if (this.#stage === 'none') return from;
    if (this.#chunks !== undefined) return this.#chunks.feed(bytes, from, to, taker);
    const end = this.#stage === 'length' ? Math.min(to, from + this.#remainingBytes) : to;
    if (end > from) taker.onData(bytes, from, end);
    if (this.#stage === 'close') return responseGoesOn;
    this.#remainingBytes -= end - from;
    return this.#remainingBytes === 0 ? end : responseGoesOn;
  }
}

/** What will never be a head, so that nobody waits for its end: another protocol's greeting, or line ends without CR. */
function isHopeless(text: string): boolean {
  return !text.startsWith(versionText.slice(0, text.length)) || /(?:^|[^\r])\n/.test(text);
}
