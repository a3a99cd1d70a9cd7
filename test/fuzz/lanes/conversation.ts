import { connect, type Socket } from 'node:net';

import type { GatehouseEvent } from '../../../src/services/audit/events.ts';
import type { AttackedHouse } from '../../support/attacked-house.ts';
import type { Activity } from './activity.ts';
import { readAnswers, type SeenAnswer, wholeAnswers } from './client-bytes.ts';
import type { FuzzUpstream, HeardRequest } from './fuzz-upstream.ts';
import type { LaneCase } from './lane-case.ts';

/** All that is to be the same in both lanes. */
export interface Outcome {
  readonly answers: readonly SeenAnswer[];
  /** What the client got that is no answer. */
  readonly rest: string;
  /** Whether the gatehouse ended the connection: by itself, or when the client had ended its half. */
  readonly isClosed: boolean;
  readonly isClosedAtEnd: boolean;
  /** In the order of their arrival. */
  readonly requests: readonly HeardRequest[];
  readonly refusals: readonly string[];
  readonly complaints: readonly string[];
}

/** One lane: a gatehouse, what is behind it, and the movements on both sides. */
export interface LaneHouse {
  readonly house: AttackedHouse<FuzzUpstream>;
  readonly activity: Activity;
}

/** How a client sends the pieces. */
export type Feed = (client: Client, laneCase: LaneCase) => Promise<void>;

/**
 * What both lanes hear at last, so that no head stays half: the fast lane would leave it to the standard one, which may
 * have refused it before it was whole, only after a second.
 */
const finish = '\r\n\r\n';
/** Who sent more than this ahead may have left unnoticed: a call that is still under way is not to disturb the next case. */
const longPieceBytes = 16 * 1024;
const ownReadTurns = 3;
const afterTurns = 5;

/** Plays a case on one lane. */
export async function converse(
  { house, activity }: LaneHouse,
  laneCase: LaneCase,
  feed: Feed,
): Promise<Outcome> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const isHeld = laneCase.ending === 'held' || laneCase.ending === 'leave-held';
  if (!isHeld || (feed !== feedPieces && laneCase.ending === 'held')) release();
  house.upstream.begin({ answers: laneCase.answers, released });
  house.events.length = 0;
  const client = new Client(house, activity);
  await feed(client, laneCase);
  await activity.quiet();
  client.write(finish);
  await activity.quiet();
  if (laneCase.ending !== 'leave-held') release();
  await activity.quiet();
  const { isClosed } = client;
  if (laneCase.ending === 'half-close' || laneCase.ending === 'leave-held') {
    client.endWriting();
    await activity.quiet();
  }
  release();
  const isClosedAtEnd = client.isClosed;
  client.leave();
  await activity.quiet(afterTurns);
  const { requests, complaints } = house.upstream;
  const refusals = house.events.flatMap(describeRefusal);
  if (laneCase.pieces.some(({ text }) => text.length > longPieceBytes)) {
    house.upstream.endAll();
    await activity.quiet();
  }
  const { answers, rest } = readAnswers(client.received);
  return { answers, rest, isClosed, isClosedAtEnd, requests, refusals, complaints };
}

/** As the case has it. */
export const feedPieces: Feed = async (client, { pieces }) => {
  for (const piece of pieces) {
    client.write(piece.text);
    if (piece.pause === 'quiet') await client.activity.quiet();
    else await client.activity.turns(ownReadTurns);
  }
};

/**
 * Like a client that has its answer before it begins the next request, wherever that may begin; for so many answers, and
 * then as the case has it; or, when they have waited for those answers, what is left at once. It begins no request while
 * it waits for an answer that does not end.
 */
export function feedSerially(answers: number, rest: 'cut' | 'joined'): Feed {
  return async (client, laneCase) => {
    const ends = listPossibleEnds(laneCase.pieces.map(({ text }) => text).join(''));
    let sent = 0;
    for (const [index, piece] of laneCase.pieces.entries()) {
      const { text } = piece;
      for (let at = 0; at < text.length;) {
        if (client.wholeAnswers >= answers) {
          const pieces = [{ ...piece, text: text.slice(at) }, ...laneCase.pieces.slice(index + 1)];
          const all = pieces.map((each) => each.text).join('') + finish;
          await feedPieces(client, {
            ...laneCase,
            pieces: rest === 'cut' ? pieces : [{ text: all, pause: 'quiet' }],
          });
          return;
        }
        const next = ends.find((end) => end > sent) ?? Infinity;
        const bit = text.slice(at, at + next - sent);
        if (!(await client.writeAndWait(bit))) return;
        at += bit.length;
        sent += bit.length;
      }
    }
  };
}

/** Wherever a request may end, in ascending order: behind a line, where a length says so, and anywhere among chunks. */
function listPossibleEnds(text: string): readonly number[] {
  const ends = new Set([...text.matchAll(/\n/g)].map(({ index }) => index + 1));
  const headEnds = [...text.matchAll(/\n\r?\n/g)].map((match) => match.index + match[0].length);
  const lengths = [...text.matchAll(/^content-length:[ \t]*(\d+)/gim)].map(([, length]) => Number(length));
  for (const end of headEnds) for (const length of lengths) ends.add(end + length);
  const firstHead = headEnds[0] ?? text.length;
  for (const run of /chunked/i.test(text) ? text.slice(firstHead).matchAll(/([^])\1*/g) : []) {
    const [start, length] = [firstHead + run.index, run[0].length];
    ends.add(start + length);
    const inside = length < 64 ? length : 0;
    for (let at = 0; at < inside; at += 1) ends.add(start + at);
  }
  return [...ends].toSorted((one, other) => one - other);
}

export class Client {
  readonly activity: Activity;
  received = '';
  isClosed = false;
  /** How many answers there were when the latest request was begun. */
  #answeredBefore = 0;
  readonly #house: AttackedHouse<FuzzUpstream>;
  readonly #socket: Socket;

  constructor(house: AttackedHouse<FuzzUpstream>, activity: Activity) {
    this.#house = house;
    this.activity = activity;
    this.#socket = connect({ host: '127.0.0.1', port: house.port, allowHalfOpen: true, noDelay: true });
    activity.touch();
    this.#socket.on('connect', () => {
      activity.touch();
    });
    this.#socket.on('data', (bytes: Buffer) => {
      activity.touch();
      this.received += bytes.toString('latin1');
    });
    const onOver = (): void => {
      activity.touch();
      this.isClosed = true;
    };
    this.#socket.on('end', onOver);
    this.#socket.on('close', onOver);
    this.#socket.on('error', () => undefined);
  }

  get wholeAnswers(): number {
    return wholeAnswers(this.received);
  }

  write(text: string): void {
    if (!this.isClosed && this.#socket.writable && text !== '') this.#socket.write(text, 'latin1');
    this.activity.touch();
  }

  /** False when no further request can begin: what was sent has no answer that ends. */
  async writeAndWait(text: string): Promise<boolean> {
    const answered = this.wholeAnswers;
    const { length } = this.#house.upstream.requests;
    const before = this.activity.count;
    this.write(text);
    await this.activity.turns(4);
    if (this.activity.count > before + 1) await this.activity.quiet();
    if (this.isClosed) return false;
    const { requests } = this.#house.upstream;
    if (requests.length > length) this.#answeredBefore = answered;
    if (requests.at(-1)?.isWhole !== true) return true;
    if (readAnswers(this.received).answers.at(-1)?.isWhole === false) return false;
    return this.wholeAnswers > this.#answeredBefore;
  }

  endWriting(): void {
    this.#socket.end();
    this.activity.touch();
  }

  leave(): void {
    this.#socket.destroy();
    this.activity.touch();
  }
}

function describeRefusal(event: GatehouseEvent): string[] {
  if (event.type === 'request_refused') return [`${event.endpoint} ${event.status} ${event.reason}`];
  return event.type === 'upstream_failed' ? [`upstream ${event.kind}`] : [];
}
