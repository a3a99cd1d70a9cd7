import { findEventEnd, lastBytes, startOfEvents } from './event-boundary.ts';
import type { AnswerFilter } from './judged-answer.ts';

/** The same text, a text in its place, or undefined: it must not go out. */
export type RewriteText = (json: Buffer) => Buffer | undefined;

const empty = Buffer.alloc(0);
const lineEnd = /\r\n|\n|\r/;
const byteOrderMark = '\uFEFF';

/**
 * Takes a stream of events to pieces, rewrites the text that one carries, and puts together only what was changed: the
 * others, with their ids and comments, are the bytes that came. No part of an event gets out before it is whole.
 * @see WHATWG HTML, 9.2.6 Interpreting an event stream
 */
export class EventRewriter implements AnswerFilter {
  readonly #rewrite: RewriteText;
  readonly #maxBytes: number;
  /** Of the event under way. */
  #pieces: Buffer[] = [];
  #size = 0;
  #last = startOfEvents;
  #isBegun = false;

  /** @param maxBytes of one event */
  constructor(rewrite: RewriteText, maxBytes: number) {
    this.#rewrite = rewrite;
    this.#maxBytes = maxBytes;
  }

  take(bytes: Buffer, from: number, to: number): readonly Buffer[] | undefined {
    const events: Buffer[] = [];
    let at = from;
    while (at < to) {
      const end = findEventEnd(this.#last, bytes, at, to);
      const upTo = end === -1 ? to : end;
      this.#keep(bytes, at, upTo);
      at = upTo;
      if (this.#size > this.#maxBytes) return undefined;
      if (end === -1) break;
      const event = this.end();
      if (event === undefined) return undefined;
      events.push(event);
    }
    return events;
  }

  /** What is left at the end of the stream: some readers take half an event for one. Undefined: it must not go out. */
  end(): Buffer | undefined {
    if (this.#size === 0) return empty;
    const event = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#size = 0;
    const isFirst = !this.#isBegun;
    this.#isBegun = true;
    return rewriteEvent(event, isFirst, this.#rewrite);
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    this.#last = lastBytes(this.#last, bytes, from, to);
    // A copy: the buffer is used again.
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
    this.#size += to - from;
  }
}

function rewriteEvent(event: Buffer, isFirst: boolean, rewrite: RewriteText): Buffer | undefined {
  const text = event.toString('utf8');
  const lines = (isFirst && text.startsWith(byteOrderMark) ? text.slice(1) : text).split(lineEnd);
  const data = lines.filter(isData).map(valueOf).join('\n');
  if (data === '' || isEndpoint(lines, data)) return event;
  const json = Buffer.from(data);
  const rewritten = rewrite(json);
  if (rewritten === undefined || rewritten === json) return rewritten && event;
  const first = lines.findIndex(isData);
  const others = (part: readonly string[]): readonly string[] =>
    part.filter((line) => line !== '' && !isData(line));
  const put = rewritten.toString('utf8').split(lineEnd);
  return Buffer.from(
    [
      ...others(lines.slice(0, first)),
      ...put.map((line) => `data: ${line}`),
      ...others(lines.slice(first)),
      '\n',
    ].join('\n'),
  );
}

/** The first event of the transport of 2024 says where to send messages to. */
function isEndpoint(lines: readonly string[], data: string): boolean {
  return /^(?:\/|https?:)/.test(data) && lines.some((line) => line.replace(/^event: ?/, '') === 'endpoint');
}

function isData(line: string): boolean {
  return line === 'data' || line.startsWith('data:');
}

function valueOf(line: string): string {
  const value = line.slice('data:'.length);
  return value.startsWith(' ') ? value.slice(1) : value;
}
