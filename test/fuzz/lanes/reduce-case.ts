import type { LaneCase } from './lane-case.ts';

type Holds = (laneCase: LaneCase) => Promise<boolean>;

const maxTries = 400;
const maxMilliseconds = 5_000;

/** The smallest case found that still has the property. */
export async function reduceCase(laneCase: LaneCase, holds: Holds): Promise<LaneCase> {
  let smallest = laneCase;
  let tries = 0;
  const end = performance.now() + maxMilliseconds;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const candidate of listSmaller(smallest)) {
      if (tries >= maxTries || performance.now() > end) return smallest;
      tries += 1;
      if (!(await holds(candidate))) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
}

/** Large steps first. */
function* listSmaller(laneCase: LaneCase): Generator<LaneCase> {
  const { pieces, answers } = laneCase;
  if (laneCase.ending !== 'wait') yield { ...laneCase, ending: 'wait' };
  for (const answer of answers) if (answers.length > 1) yield { ...laneCase, answers: [answer] };
  for (let at = 0; at < pieces.length && pieces.length > 1; at += 1)
    yield { ...laneCase, pieces: pieces.filter((_, index) => index !== at) };
  for (const [at, { text, pause }] of pieces.entries()) {
    const next = pieces[at + 1];
    if (next === undefined) continue;
    const joined = { text: text + next.text, pause: next.pause };
    yield { ...laneCase, pieces: [...pieces.slice(0, at), joined, ...pieces.slice(at + 2)] };
    if (pause === 'turns') yield { ...laneCase, pieces: pieces.with(at, { text, pause: 'quiet' }) };
  }
  for (const [at, piece] of pieces.entries())
    for (const text of listShorter(piece.text))
      yield { ...laneCase, pieces: pieces.with(at, { ...piece, text }) };
  for (const [at, answer] of answers.entries())
    for (const [part, whole] of answer.pieces.entries())
      for (const text of listShorter(whole))
        yield {
          ...laneCase,
          answers: answers.with(at, { ...answer, pieces: answer.pieces.with(part, text) }),
        };
}

/** Without one of its lines; without one of its words. */
function* listShorter(text: string): Generator<string> {
  for (const separator of ['\r\n', ' ']) {
    const parts = text.split(separator);
    for (let at = parts.length - 1; at > 0; at -= 1)
      yield parts.filter((_, index) => index !== at).join(separator);
  }
}
