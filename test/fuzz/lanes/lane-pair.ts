import { createHash } from 'node:crypto';

import { sealAccessToken } from '../../../src/services/tokens/access-token.ts';
import { type AttackedHouse, startAttackedHouse } from '../../support/attacked-house.ts';
import { Activity } from './activity.ts';
import {
  type Feed,
  converse,
  feedPieces,
  feedSerially,
  type LaneHouse,
  type Outcome,
} from './conversation.ts';
import { FuzzUpstream } from './fuzz-upstream.ts';
import { isCutAsFull, isSame, isSound } from './same-outcome.ts';
import { readAsStreams } from './node-reads.ts';
import { expandCase, type LaneCase, type Tokens } from './lane-case.ts';

/** Small enough to be passed by a case. Larger than what is taken in whole before it is sent on. */
const environment = {
  MAX_BODY_BYTES: '81920',
  MCP_PER_SUBJECT_CONCURRENCY: '64',
  ALLOWED_ORIGINS: 'https://app.test',
  UPSTREAM_HEADER_TIMEOUT: '60s',
};

/**
 * `same`: word for word. `serial`: the fast lane did what the standard lane does for a client that waits for each answer.
 * `unsteady`: a difference that one of three further, patient looks did not see.
 */
export type Verdict = 'same' | 'serial' | 'unsteady' | 'different';

export interface Comparison {
  readonly verdict: Verdict;
  readonly fast: Outcome;
  readonly standard: Outcome;
  /** What this case is an example of, among all that were seen. */
  readonly verdictClass: string;
}

/** Two gatehouses that differ in nothing but `FAST_LANE`. */
export interface LanePair {
  compare(laneCase: LaneCase): Promise<Comparison>;
  /** Whether it seems to be a difference, without a second look. */
  seemsDifferent(laneCase: LaneCase): Promise<boolean>;
  close(): Promise<void>;
}

/** A machine that is busy with something else is slow now and then; a difference is there each time. */
const patientLooks = 3;

/** What is unsound needs no further look. */
function isOnlyDifferent({ verdict, fast, standard }: Omit<Comparison, 'verdictClass'>): boolean {
  return verdict === 'different' && isSound(fast) && isSound(standard);
}

export async function startLanePair(): Promise<LanePair> {
  readAsStreams();
  const [fast, standard] = await Promise.all([startLane('on'), startLane('off')]);
  const tokens = await makeTokens([fast.house, standard.house]);

  async function compareOnce(laneCase: LaneCase): Promise<Omit<Comparison, 'verdictClass'>> {
    const [onFast, onStandard] = await Promise.all([
      converse(fast, laneCase, feedPieces),
      converse(standard, laneCase, feedPieces),
    ]);
    const bytes = laneCase.pieces.reduce((total, { text }) => total + text.length, 0);
    const outcomes = { fast: onFast, standard: onStandard };
    if (!isSound(onFast) || !isSound(onStandard)) return { verdict: 'different', ...outcomes };
    if (isSame(onFast, onStandard, bytes)) return { verdict: 'same', ...outcomes };
    for (const serial of listSerialFeeds(onFast)) {
      const serially = await converse(standard, laneCase, serial);
      if (!isSound(serially)) continue;
      if (isSame(onFast, serially, bytes) || isCutAsFull(onFast, bytes, serially))
        return { verdict: 'serial', ...outcomes };
    }
    return { verdict: 'different', fast: onFast, standard: onStandard };
  }

  async function comparePatiently(laneCase: LaneCase): Promise<Omit<Comparison, 'verdictClass'>> {
    fast.activity.isPatient = true;
    standard.activity.isPatient = true;
    let comparison = await compareOnce(laneCase);
    for (let look = 1; look < patientLooks && isOnlyDifferent(comparison); look += 1) {
      comparison = await compareOnce(laneCase);
    }
    fast.activity.isPatient = false;
    standard.activity.isPatient = false;
    return comparison.verdict === 'different' ? comparison : { ...comparison, verdict: 'unsteady' };
  }

  return {
    async compare(laneCase) {
      const expanded = expandCase(laneCase, tokens);
      const once = await compareOnce(expanded);
      const comparison = once.verdict === 'different' ? await comparePatiently(expanded) : once;
      return { ...comparison, verdictClass: classify(comparison.fast) };
    },
    async seemsDifferent(laneCase) {
      return (await compareOnce(expandCase(laneCase, tokens))).verdict === 'different';
    },
    async close() {
      await Promise.all([fast.house.close(), standard.house.close()]);
    },
  };
}

/**
 * How many answers a client had from the fast lane, one by one, before the rest of its bytes went to the standard lane;
 * or, where the fast lane still has bytes that wait behind a call, all.
 *
 * This is the one difference that the lanes may have: requests that come before the answer to the one before wait in
 * the fast lane until that is out, while Node parses them at once, and for what it cannot parse cuts the connection
 * with the calls that are under way on it. The fast lane cuts it for more than it holds.
 */
function listSerialFeeds({ answers }: Outcome): readonly Feed[] {
  const final = answers.filter(({ status }) => status >= 200);
  const byStandard = final.findIndex(
    ({ isStandard, headers }) => isStandard || headers.includes('connection: close'),
  );
  const byFast = byStandard === -1 ? final.length : byStandard;
  return [feedSerially(byFast, 'joined'), feedSerially(byFast, 'cut'), feedSerially(Infinity, 'cut')];
}

const classedAnswers = 2;

function classify({ answers, requests, refusals, isClosed }: Outcome): string {
  const about = {
    answers: answers
      .slice(0, classedAnswers)
      .map(({ status, isWhole, isStandard }) => [status, isWhole, isStandard].join(' ')),
    requests: requests.slice(0, classedAnswers).map(({ body, isWhole }) => [body === '', isWhole].join(' ')),
    refusal: refusals.at(-1),
    isClosed,
  };
  return createHash('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 12);
}

async function startLane(FAST_LANE: string): Promise<LaneHouse> {
  const activity = new Activity();
  const upstream = await new FuzzUpstream(activity).start();
  return { house: await startAttackedHouse(upstream, { ...environment, FAST_LANE }), activity };
}

/** Good at both houses, or bad at both for the same reason. */
async function makeTokens(houses: readonly AttackedHouse<FuzzUpstream>[]): Promise<Tokens> {
  const [house] = houses as [AttackedHouse<FuzzUpstream>];
  const now = house.clock.nowSeconds();
  for (const each of houses) await each.revokeGrant('revoked');
  const good = house.issue();
  return {
    good,
    bob: house.issue({ subject: 'bob', email: 'bob@example.com' }),
    bad: `${good.slice(0, -4)}AAAA`,
    expired: sealAccessToken(house.seal, { terms: house.terms, issuedAt: now - 7200, expiresAt: now - 3600 }),
    foreign: house.issue({ resource: 'https://elsewhere.test/mcp' }),
    revoked: house.issue({ grantId: 'revoked' }),
  };
}
