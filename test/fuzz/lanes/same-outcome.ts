import type { SeenAnswer } from './client-bytes.ts';
import type { Outcome } from './conversation.ts';
import type { HeardRequest } from './fuzz-upstream.ts';

/*
 * When the lanes did the same: in everything but what is no rule of ours, which is listed here and nowhere else. Each
 * such thing depends on when bytes are read, or on what Node does with a connection that it gives up.
 */

/** The fast lane holds so much that came behind a call that is not answered, and cuts a connection that brings more. */
const heldBytes = 64 * 1024;
const tooEarly = 'other 429 pipelining_excessive';

/** Whether it was cut for that, having done until then what the standard lane does for a client that waits for each answer. */
export function isCutAsFull(onFast: Outcome, bytes: number, serially: Outcome): boolean {
  if (bytes <= heldBytes || !onFast.isClosed || !onFast.refusals.includes(tooEarly)) return false;
  const answers = comparable(onFast, bytes).answers.filter(({ isWhole }) => isWhole);
  const requests = onFast.requests.filter(({ isAbandoned }) => !isAbandoned);
  const [expected, heard] = [comparable(serially, bytes).answers, serially.requests];
  return (
    JSON.stringify(answers) === JSON.stringify(expected.slice(0, answers.length)) &&
    JSON.stringify(requests) ===
      JSON.stringify(heard.slice(0, requests.length).map((each) => ({ ...each, isAbandoned: false })))
  );
}

export function isSame(one: Outcome, other: Outcome, bytes: number): boolean {
  const isEqual = (left: Outcome, right: Outcome): boolean =>
    JSON.stringify(comparable(left, bytes)) === JSON.stringify(comparable(right, bytes));
  const isRacing = bytes > heldBytes || [one, other].some(hasEarlyAnswer);
  if (isRacing && isCut(one) && isCut(other))
    return isEqual(untilCut(one, other, bytes), untilCut(other, one, bytes));
  return isEqual(one, other);
}

/** Whether an upstream did not wait for the end of a request: when its answer comes is a matter of moments. */
function hasEarlyAnswer({ requests }: Outcome): boolean {
  return requests.some(({ isEarly }) => isEarly);
}

/** Whether bytes that are no request have ended the connection, and with it the calls before them. */
function isCut({ refusals }: Outcome): boolean {
  return refusals.some((each) => each === tooLarge || each === malformed);
}

/** Of more than one read, how far Node has got with the calls before such bytes is a matter of where a read ended. */
function untilCut(outcome: Outcome, other: Outcome, bytes: number): Outcome {
  const [whole, others] = [outcome, other].map(({ answers }) =>
    answers.filter((each) => !isBareRefusal(each)),
  );
  const answers = whole?.slice(0, others?.length);
  const refusals = outcome.refusals.filter((each) => each.startsWith('other '));
  const requests = withoutGivenUp(outcome, bytes).slice(0, withoutGivenUp(other, bytes).length);
  return { ...outcome, answers: answers ?? [], requests, refusals };
}

/** In the order of their making events may differ: a call that waited may begin before the end of another is told. */
function comparable(outcome: Outcome, bytes: number): Outcome {
  const { answers, refusals } = outcome;
  return {
    ...outcome,
    requests: withoutGivenUp(outcome, bytes),
    answers: answers.map((answer) => ({
      ...answer,
      ...asMalformed(answer, bytes),
      isStandard: false,
    })),
    refusals: refusals.map((each) => (isLong(bytes) ? each.replace(tooLarge, malformed) : each)).toSorted(),
  };
}

function isBareRefusal({ status, headers, isStandard }: SeenAnswer): boolean {
  return !isStandard && (status === 400 || status === 431) && headers.includes('connection: close');
}

/**
 * Whether a call is heard of that is given up before it is whole, or for malformed bytes behind it, and how much of a body
 * arrives where nobody waits for it, is a matter of moments: of whether there was a connection to the upstream. So is, of a
 * body that is sent on as it comes, whether the answer that did not wait for it came before its first byte.
 */
function withoutGivenUp(outcome: Outcome, bytes: number): readonly HeardRequest[] {
  const isTelling = ({ isAbandoned, isWhole, isEarly }: HeardRequest): boolean =>
    isEarly ? bytes <= heldBytes && !isCut(outcome) : !(isAbandoned && (!isWhole || isCut(outcome)));
  return outcome.requests
    .filter(isTelling)
    .map((each) => (each.isEarly ? { ...each, body: '', isWhole: false, isAbandoned: false } : each));
}

const longHeadBytes = 16 * 1024;
const tooLarge = 'other 431 headers_too_large';
const malformed = 'other 400 request_malformed';

function isLong(bytes: number): boolean {
  return bytes > longHeadBytes;
}

/** A head that is too long and malformed is refused for what Node finds first, which is a matter of how it was read. */
function asMalformed(answer: SeenAnswer, bytes: number): Partial<SeenAnswer> {
  return isLong(bytes) && isBareRefusal(answer) ? { status: 400, headers: [], body: '' } : {};
}

/** Whatever comes in: we make no mistake of our own, and the upstream hears nothing that has two meanings. */
export function isSound({ answers, complaints }: Outcome): boolean {
  return complaints.length === 0 && answers.every(({ body }) => !body.includes('"server_error"'));
}
