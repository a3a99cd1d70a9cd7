import { headerValues } from '../../platform/http/raw-headers.ts';
import type { JudgedCall } from '../policy/call-judge.ts';

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

/** An answer that waits for its end. */
export class HeldAnswer {
  readonly status: number;
  /** Name and value alternating. */
  readonly headers: readonly string[];
  readonly #pieces: Buffer[] = [];
  #size = 0;

  constructor(status: number, headers: readonly string[]) {
    this.status = status;
    this.headers = headers;
  }

  /** False: it is too long to be held. */
  take(bytes: Buffer, from: number, to: number): boolean {
    // A copy: the buffer is used again.
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
    this.#size += to - from;
    return this.#size <= maxJudgedBytes;
  }

  body(): Buffer {
    return this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
  }
}
