import type { SeededRandom } from '../../faults/support/seeded-random.ts';
import type { LaneCase, Piece } from './lane-case.ts';

const maxPieceLength = 6000;
const maxPieces = 8;
const oddBytes = '\0\t\n\v\f\r !"#%:;,=()@[\\_{}0123579ax-./?\x1f\x7f\x80\x85\xa0\xad\xff'.split('');
const oddTexts = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  ' ',
  '\r\n ',
  'Content-Length: 0\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'Host: a\r\n',
  'HTTP/1.0',
  '0\r\n\r\n',
  'GET /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer <<good>>\r\n\r\n',
];

/** A case that is nearly this one: some bytes of what is sent, or of what is answered, are others. */
export function mutateCase(laneCase: LaneCase, other: LaneCase, random: SeededRandom): LaneCase {
  let mutated = laneCase;
  for (let count = 1 + random.below(3); count > 0; count -= 1) mutated = mutateOnce(mutated, other, random);
  return mutated;
}

function mutateOnce(laneCase: LaneCase, other: LaneCase, random: SeededRandom): LaneCase {
  const chance = random.below(20);
  if (chance < 4) return { ...laneCase, answers: mutateAnswers(laneCase.answers, random) };
  if (chance === 4) return { ...laneCase, answers: other.answers };
  if (chance === 5) return { ...laneCase, ending: other.ending };
  if (chance === 6) return { ...laneCase, pieces: [...laneCase.pieces, ...other.pieces].slice(0, maxPieces) };
  if (chance < 9) return { ...laneCase, pieces: cutElsewhere(laneCase.pieces, random) };
  return { ...laneCase, pieces: mutateOneOf(laneCase.pieces, random) };
}

function mutateOneOf(pieces: readonly Piece[], random: SeededRandom): readonly Piece[] {
  const chosen = random.below(pieces.length);
  return pieces.map((piece, at) =>
    at === chosen ? { ...piece, text: mutateText(piece.text, random) } : piece,
  );
}

function mutateAnswers(answers: LaneCase['answers'], random: SeededRandom): LaneCase['answers'] {
  const chosen = random.below(answers.length);
  return answers.map((answer, at) =>
    at === chosen ? { ...answer, pieces: answer.pieces.map((text) => mutateText(text, random)) } : answer,
  );
}

/** Two become one, or one becomes two. */
function cutElsewhere(pieces: readonly Piece[], random: SeededRandom): readonly Piece[] {
  const at = random.below(pieces.length);
  const [piece, next] = pieces.slice(at, at + 2);
  if (piece === undefined) return pieces;
  const [before, behind] = [pieces.slice(0, at), pieces.slice(at + 1)];
  if (next !== undefined && random.below(2) === 0)
    return [...before, { text: piece.text + next.text, pause: next.pause }, ...behind.slice(1)];
  const cut = random.below(piece.text.length + 1);
  const first: Piece = { text: piece.text.slice(0, cut), pause: random.pick(['turns', 'quiet']) };
  return [...before, first, { ...piece, text: piece.text.slice(cut) }, ...behind].slice(0, maxPieces);
}

function mutateText(text: string, random: SeededRandom): string {
  const at = random.below(text.length + 1);
  const to = Math.min(text.length, at + random.below(24));
  const byte = random.below(10) < 7 ? random.pick(oddBytes) : String.fromCharCode(random.below(256));
  const [before, behind] = [text.slice(0, at), text.slice(at)];
  const mutated = [
    () => before + byte + behind.slice(1),
    () => before + byte + behind,
    () => before + behind.slice(1),
    () => before + text.slice(at, to) + behind,
    () => before + text.slice(to),
    () => before + random.pick(oddTexts) + behind,
    () => exchangeLines(text, random),
  ];
  return random.pick(mutated)().slice(0, maxPieceLength);
}

function exchangeLines(text: string, random: SeededRandom): string {
  const lines = text.split('\r\n');
  const [one, other] = [random.below(lines.length), random.below(lines.length)];
  [lines[one], lines[other]] = [lines[other] ?? '', lines[one] ?? ''];
  return lines.join('\r\n');
}
