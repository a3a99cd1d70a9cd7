/**
 * Judges what clients saw while the house was on fire. Pure: a history goes in, what broke a promise comes out. It
 * knows nothing of records or processes, only of answers, and when they came.
 */

/** What a client asked for. `redeem` to `revoke` cannot be done without the store; `register` and `call` can. */
export type Operation = 'authorize' | 'redeem' | 'refresh' | 'revoke' | 'register' | 'call';

export type Result =
  | {
      readonly outcome: 'success';
      /** Of a redemption or a refresh: the digest of the refresh token that came. */
      readonly successor?: string;
    }
  | {
      readonly outcome: 'refused';
      readonly status: number;
      readonly error?: string;
      /** Our own, finer word for the refusal. */
      readonly errorCode?: string;
      readonly contentType?: string;
      readonly retryAfter?: string;
    }
  /** No answer: whether it was done, nobody knows. */
  | { readonly outcome: 'lost' };

/** One client-visible answer. */
export interface Answer {
  readonly operation: Operation;
  /** Whose: one login of one person with one client. */
  readonly session: string;
  readonly replica: number;
  /** Digest of the code or token that was presented. */
  readonly presented: string;
  /** Milliseconds that never go back, the same clock for all. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Time of day at the start, in milliseconds. */
  readonly wallAt: number;
  readonly result: Result;
}

/** From `from` to `to` the store could not record anything. Without `replica`, for none of them. */
export interface Outage {
  readonly from: number;
  readonly to: number;
  readonly replica?: number;
}

export interface History {
  readonly answers: readonly Answer[];
  readonly outages: readonly Outage[];
  /**
   * Moments at which the store went back to an older state of itself. A generation that was spent in what is lost may
   * get a second successor; what becomes of the two, the scenario has to judge. For codes a loss changes nothing.
   */
  readonly losses?: readonly number[];
}

export interface Bounds {
  /** How long after the end of a grant an access token may still pass. */
  readonly callMilliseconds: number;
}

export type Rule =
  | 'code_redeemed_twice'
  | 'successors_differ'
  | 'spent_generation_accepted'
  | 'success_after_end'
  | 'success_without_store';

export interface Violation {
  readonly rule: Rule;
  readonly session: string;
  readonly answers: readonly Answer[];
}

/** Everything in the history that must not be there; empty when it holds. */
export function checkHistory(history: History, bounds: Bounds): readonly Violation[] {
  const bySession = [...Map.groupBy(history.answers, ({ session }) => session).values()];
  const betweenLosses = bySession.flatMap((answers) => splitAt(answers, history.losses ?? []));
  return [
    ...bySession.flatMap(findDoubleRedemptions),
    ...betweenLosses.flatMap(findForks),
    ...betweenLosses.flatMap(findSpentGenerations),
    ...bySession.flatMap((answers) => findSuccessesAfterEnd(answers, bounds)),
    ...findSuccessesWithoutStore(history),
  ];
}

function splitAt(answers: readonly Answer[], losses: readonly number[]): Answer[][] {
  const lossesBefore = ({ endedAt }: Answer): number => losses.filter((loss) => loss < endedAt).length;
  return [...Map.groupBy(answers, lossesBefore).values()];
}

/** (a) A code is redeemed at most once. */
function findDoubleRedemptions(answers: readonly Answer[]): Violation[] {
  return groupSuccesses(answers, 'redeem')
    .filter((successes) => successes.length > 1)
    .map((successes) => violation('code_redeemed_twice', successes));
}

/** (b) Every success for one generation brings the same successor. */
function findForks(answers: readonly Answer[]): Violation[] {
  return groupSuccesses(answers, 'refresh')
    .filter((successes) => new Set(successes.map(successorOf)).size > 1)
    .map((successes) => violation('successors_differ', successes));
}

/** (b) Once a successor was used itself, its predecessor is dead: no success for it starts afterwards. */
function findSpentGenerations(answers: readonly Answer[]): Violation[] {
  const successes = answers.filter((answer) => answer.operation === 'refresh' && isSuccess(answer));
  const firstUse = new Map<string, Answer>();
  for (const answer of successes) {
    const known = firstUse.get(answer.presented);
    if (known === undefined || answer.endedAt < known.endedAt) firstUse.set(answer.presented, answer);
  }
  return successes.flatMap((answer) => {
    const use = firstUse.get(successorOf(answer) ?? '');
    const tooLate = use !== undefined && answer.startedAt > use.endedAt;
    return tooLate ? [violation('spent_generation_accepted', [use, answer])] : [];
  });
}

/** (c) After an acknowledged revocation or a theft that was noticed, nothing of the session succeeds any more. */
function findSuccessesAfterEnd(answers: readonly Answer[], bounds: Bounds): Violation[] {
  const end = answers.filter(endsSession).sort((one, other) => one.endedAt - other.endedAt)[0];
  if (end === undefined) return [];
  return answers
    .filter((answer) => isSuccess(answer) && ['redeem', 'refresh', 'call'].includes(answer.operation))
    .filter(({ operation, startedAt }) => {
      const bound = operation === 'call' ? bounds.callMilliseconds : 0;
      return startedAt > end.endedAt + bound;
    })
    .map((answer) => violation('success_after_end', [end, answer]));
}

/** (d) What must be recorded does not succeed while nothing can be. */
function findSuccessesWithoutStore({ answers, outages }: History): Violation[] {
  const needStore: readonly Operation[] = ['authorize', 'redeem', 'refresh', 'revoke'];
  return answers
    .filter((answer) => isSuccess(answer) && needStore.includes(answer.operation))
    .filter((answer) => outages.some((outage) => isWithin(answer, outage)))
    .map((answer) => violation('success_without_store', [answer]));
}

function isWithin(answer: Answer, outage: Outage): boolean {
  const concerned = outage.replica === undefined || outage.replica === answer.replica;
  return concerned && answer.startedAt >= outage.from && answer.endedAt <= outage.to;
}

const noticedTheft: readonly (string | undefined)[] = ['code_replay', 'refresh_reuse_detected'];

function endsSession({ operation, result }: Answer): boolean {
  if (operation === 'revoke') return result.outcome === 'success';
  return result.outcome === 'refused' && noticedTheft.includes(result.errorCode);
}

function groupSuccesses(answers: readonly Answer[], operation: Operation): Answer[][] {
  const successes = answers.filter((answer) => answer.operation === operation && isSuccess(answer));
  return [...Map.groupBy(successes, ({ presented }) => presented).values()];
}

function isSuccess({ result }: Answer): boolean {
  return result.outcome === 'success';
}

function successorOf({ result }: Answer): string | undefined {
  return result.outcome === 'success' ? result.successor : undefined;
}

function violation(rule: Rule, answers: readonly Answer[]): Violation {
  return { rule, session: answers[0]?.session ?? '', answers };
}
