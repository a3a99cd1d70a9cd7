import { headerValues } from '../../platform/http/raw-headers.ts';
import type { JudgedCall } from '../policy/call-judge.ts';
import type { RewriteText } from './event-rewriter.ts';

/** Of an answer that is held, and of an event. */
export const maxJudgedBytes = 32 * 1024 * 1024;

/** How an answer gets to a client whose mount has rules. */
export type Passage =
  /** As it comes. */
  | 'open'
  /** When it is whole, without what the client may not see. */
  | 'held'
  /** Event by event, the same. */
  | 'events'
  /** Not at all: nobody could tell what is in it. */
  | 'refused';

export interface AnswerHead {
  readonly status: number;
  /** Name and value alternating. */
  readonly rawHeaders: readonly string[];
  readonly eventStream: boolean;
  readonly hasBody: boolean;
}

/** @param judged undefined: the mount has no rules */
export function findPassage(judged: JudgedCall | undefined, answer: AnswerHead): Passage {
  const { status, eventStream, hasBody } = answer;
  // An error says what it says, whatever its form: clients read the protocol's version out of some.
  if (judged === undefined || status >= 300 || !hasBody) return 'open';
  if (!eventStream && judged.answers === 'documents') return 'open';
  if (!eventStream && judged.answers === 'events') return 'refused';
  // Asked for none, and cannot look through one.
  if (headerValues(answer.rawHeaders, 'content-encoding').length > 0) return 'refused';
  return eventStream ? 'events' : 'held';
}

/** What stands between an answer and a client whose mount has rules. */
export interface AnswerFilter {
  /** What is sent before all else, with the length of it, when the answer is whole. Absent: the head is out. */
  readonly head?: { readonly status: number; readonly headers: readonly string[] };
  /** What may go out now; undefined: nothing any more. */
  take(bytes: Buffer, from: number, to: number): readonly Buffer[] | undefined;
  /** What is left at the end; undefined: it must not go out. */
  end(): Buffer | undefined;
}

/** An answer that waits for its end. */
export class HeldAnswer implements AnswerFilter {
  readonly head: { readonly status: number; readonly headers: readonly string[] };
  readonly #rewrite: RewriteText;
  readonly #pieces: Buffer[] = [];
  #size = 0;

  /** @param headers name and value alternating */
  constructor(status: number, headers: readonly string[], rewrite: RewriteText) {
    this.head = { status, headers };
    this.#rewrite = rewrite;
  }

  take(bytes: Buffer, from: number, to: number): readonly Buffer[] | undefined {
    // A copy: the buffer is used again.
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
    this.#size += to - from;
    return this.#size <= maxJudgedBytes ? [] : undefined;
  }

  end(): Buffer | undefined {
    return this.#rewrite(
      this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces),
    );
  }
}
