/**
 * One case: what a client sends and when, and what the upstream answers. All text is latin1 with placeholders, so that a
 * case that is kept stays small, and good when tokens are made anew.
 */
export interface LaneCase {
  readonly pieces: readonly Piece[];
  readonly ending: Ending;
  /** Which answer a request gets is told by what it says, so that the order of arrival plays no part. */
  readonly answers: readonly UpstreamAnswer[];
}

/** What is written at once, and what the client waits for then. `turns`: the other side reads it by itself. `quiet`: all that comes of it has come. */
export interface Piece {
  readonly text: string;
  readonly pause: 'turns' | 'quiet';
}

/**
 * `wait`: the client leaves when nothing more comes. `half-close`: it says then that it has said all.
 * `held`: the upstream answers only when the client has sent everything. `leave-held`: the client says that it has said
 * all before the upstream answers.
 */
export type Ending = 'wait' | 'half-close' | 'held' | 'leave-held';

export interface UpstreamAnswer {
  /** Written one after the other, each read by itself. */
  readonly pieces: readonly string[];
  /** Whether the answer waits for the body of the request. */
  readonly on: 'head' | 'body';
  /** What becomes of the connection. */
  readonly after: 'keep' | 'end' | 'cut';
}

export type Tokens = Readonly<Record<string, string>>;

const maxRepeats = 120_000;
const placeholder = /<<(?:([a-z]+)|([^<>]{1,24})\*(\d{1,6}))>>/g;

/** Fills in tokens (`<<good>>`) and repetitions (`<<x*1000>>`). */
function expand(text: string, tokens: Tokens): string {
  return text.replace(placeholder, (whole, name: string | undefined, unit: string, count: string) => {
    if (name !== undefined) return tokens[name] ?? whole;
    return unit.repeat(Math.min(Number(count), Math.floor(maxRepeats / unit.length)));
  });
}

/** The case with all placeholders filled in. */
export function expandCase(laneCase: LaneCase, tokens: Tokens): LaneCase {
  return {
    ...laneCase,
    pieces: laneCase.pieces.map((piece) => ({ ...piece, text: expand(piece.text, tokens) })),
    answers: laneCase.answers.map((answer) => ({
      ...answer,
      pieces: answer.pieces.map((text) => expand(text, tokens)),
    })),
  };
}

/** @throws TypeError when the text, of a file, is no case */
export function parseCase(text: string): LaneCase {
  const value = JSON.parse(text) as LaneCase;
  const isCase =
    Array.isArray(value.pieces) &&
    value.pieces.every(({ text: piece }) => typeof piece === 'string') &&
    Array.isArray(value.answers) &&
    value.answers.every(({ pieces }) => Array.isArray(pieces));
  if (!isCase) throw new TypeError('this is no case');
  return value;
}
