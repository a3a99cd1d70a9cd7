import { describe, expect, it } from 'vitest';

import { type Answer, checkHistory, type Outage, type Result, type Rule } from './history.ts';
import { checkManners } from './manners.ts';

function answer(given: Partial<Answer> & { readonly at?: number; readonly result: Result }): Answer {
  const { at = 0, ...rest } = given;
  const times = { startedAt: at, endedAt: at + 10, wallAt: at };
  return { operation: 'refresh', session: 's', replica: 0, presented: 'g1', ...times, ...rest };
}

function success(successor?: string): Result {
  return successor === undefined ? { outcome: 'success' } : { outcome: 'success', successor };
}

function refusal(status: number, members: Partial<Extract<Result, { outcome: 'refused' }>> = {}): Result {
  return { outcome: 'refused', status, contentType: 'application/json', ...members };
}

function rulesBrokenBy(answers: readonly Answer[], outages: readonly Outage[] = []): readonly Rule[] {
  return checkHistory({ answers, outages }, { callMilliseconds: 5000 }).map(({ rule }) => rule);
}

const reuse = refusal(400, { error: 'invalid_grant', errorCode: 'refresh_reuse_detected' });
const lost: Result = { outcome: 'lost' };

describe('checkHistory', () => {
  it('accepts a life without trouble', () => {
    const answers = [
      answer({ operation: 'redeem', presented: 'c', at: 0, result: success('g1') }),
      answer({ presented: 'g1', at: 20, result: success('g2') }),
      answer({ operation: 'call', presented: 'a', at: 40, result: success() }),
      answer({ presented: 'g2', at: 60, result: success('g3') }),
    ];
    expect(rulesBrokenBy(answers)).toEqual([]);
  });

  it('finds a code that was redeemed twice, and lets one lost answer pass', () => {
    const redeem = { operation: 'redeem', presented: 'c' } as const;
    const once = answer({ ...redeem, result: success('g1') });
    expect(rulesBrokenBy([once, answer({ ...redeem, at: 20, result: lost })])).toEqual([]);
    const twice = answer({ ...redeem, at: 20, replica: 1, result: success('h1') });
    expect(rulesBrokenBy([once, twice])).toEqual(['code_redeemed_twice']);
  });

  it('tells two codes apart', () => {
    const redeem = { operation: 'redeem', result: success('g') } as const;
    expect(
      rulesBrokenBy([answer({ ...redeem, presented: 'c' }), answer({ ...redeem, presented: 'd' })]),
    ).toEqual([]);
  });

  it('finds two successors of one generation', () => {
    const first = answer({ result: success('g2') });
    expect(rulesBrokenBy([first, answer({ at: 20, replica: 1, result: success('g2') })])).toEqual([]);
    expect(rulesBrokenBy([first, answer({ at: 20, replica: 1, result: success('h2') })])).toEqual([
      'successors_differ',
    ]);
  });

  it('finds a generation that is accepted after its successor was used', () => {
    const answers = [
      answer({ at: 0, result: success('g2') }),
      answer({ presented: 'g2', at: 20, result: success('g3') }),
    ];
    // Under way at the same time: which came first, nobody can tell.
    expect(rulesBrokenBy([...answers, answer({ at: 25, result: success('g2') })])).toEqual([]);
    expect(rulesBrokenBy([...answers, answer({ at: 40, result: success('g2') })])).toEqual([
      'spent_generation_accepted',
    ]);
  });

  it('judges generations before and after a loss apart, and codes together', () => {
    const history = (operation: 'redeem' | 'refresh', losses: readonly number[]) => ({
      answers: [
        answer({ operation, at: 0, result: success('g2') }),
        answer({ operation, at: 100, result: success('h2') }),
      ],
      outages: [],
      losses,
    });
    const rulesOf = (...given: Parameters<typeof history>) =>
      checkHistory(history(...given), { callMilliseconds: 5000 }).map(({ rule }) => rule);
    expect(rulesOf('refresh', [50])).toEqual([]);
    expect(rulesOf('refresh', [150])).toEqual(['successors_differ']);
    expect(rulesOf('redeem', [50])).toEqual(['code_redeemed_twice']);
  });

  it('finds a refresh after a theft was noticed, at once', () => {
    const answers = [answer({ at: 0, result: success('g2') }), answer({ at: 20, result: reuse })];
    const next = { presented: 'g2', result: success('g3') };
    expect(rulesBrokenBy([...answers, answer({ ...next, at: 25 })])).toEqual([]);
    expect(rulesBrokenBy([...answers, answer({ ...next, at: 31 })])).toEqual(['success_after_end']);
  });

  it.each<[string, Answer]>([
    ['a noticed theft', answer({ result: reuse })],
    ['a code replay', answer({ operation: 'redeem', result: refusal(400, { errorCode: 'code_replay' }) })],
    ['an acknowledged revocation', answer({ operation: 'revoke', result: success() })],
  ])('finds a call that passes too long after %s', (_, end) => {
    const call = { operation: 'call', presented: 'a', result: success() } as const;
    expect(rulesBrokenBy([end, answer({ ...call, at: 5010 })])).toEqual([]);
    expect(rulesBrokenBy([end, answer({ ...call, at: 5011 })])).toEqual(['success_after_end']);
    expect(rulesBrokenBy([end, answer({ ...call, session: 'other', at: 5011 })])).toEqual([]);
  });

  it('lets a session live on after a revocation that was not acknowledged', () => {
    const end = answer({ operation: 'revoke', result: refusal(503) });
    expect(rulesBrokenBy([end, answer({ at: 9000, result: success('g2') })])).toEqual([]);
  });

  it.each(['authorize', 'redeem', 'refresh', 'revoke'] as const)(
    'finds a success of %s while the store was dead',
    (operation) => {
      const outages = [{ from: 100, to: 200 }];
      const at = (start: number) => [answer({ operation, at: start, result: success() })];
      expect(rulesBrokenBy(at(99), outages)).toEqual([]);
      expect(rulesBrokenBy(at(191), outages)).toEqual([]);
      expect(rulesBrokenBy(at(150), outages)).toEqual(['success_without_store']);
    },
  );

  it('lets calls and registrations pass while the store is dead', () => {
    const answers = (['call', 'register'] as const).map((operation) =>
      answer({ operation, at: 150, result: success() }),
    );
    expect(rulesBrokenBy(answers, [{ from: 100, to: 200 }])).toEqual([]);
  });

  it('knows an outage of one replica from an outage of all', () => {
    const outages = [{ from: 100, to: 200, replica: 1 }];
    const at = (replica: number) => [answer({ replica, at: 150, result: success('g2') })];
    expect(rulesBrokenBy(at(0), outages)).toEqual([]);
    expect(rulesBrokenBy(at(1), outages)).toEqual(['success_without_store']);
  });
});

describe('checkManners', () => {
  const unavailable = { error: 'temporarily_unavailable', retryAfter: '2' };

  it.each<[string, Result]>([
    ['a success', success('g2')],
    ['an answer that was lost', lost],
    ['invalid_grant', refusal(400, { error: 'invalid_grant' })],
    ['503 temporarily_unavailable', refusal(503, unavailable)],
  ])('has nothing against %s', (_, result) => {
    expect(checkManners([answer({ result })])).toEqual([]);
  });

  it.each<[string, Result]>([
    ['a rate limit', refusal(429)],
    ['a 500', refusal(500, { error: 'server_error' })],
    ['a 502', refusal(502)],
    ['503 server_error', refusal(503, { error: 'server_error', retryAfter: '2' })],
    ['503 without Retry-After', refusal(503, { error: 'temporarily_unavailable' })],
    ['a page', refusal(503, { ...unavailable, contentType: 'text/html' })],
  ])('minds %s', (_, result) => {
    expect(checkManners([answer({ result })])).toHaveLength(1);
  });
});
