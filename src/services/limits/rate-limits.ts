import type { SharedCounter } from '../../platform/store/shared-counter.ts';
import type { EndpointName } from '../audit/events.ts';
import type { GrantTerms } from '../tokens/grant-terms.ts';
import { insureCounter } from './insured-counter.ts';
import { rateLimitKey } from './limit-key.ts';
import { createWindowTable, type WindowTable } from './window-table.ts';

/** Requests per address and minute, over all replicas when they share a counter. */
const perAddress = {
  register: 10,
  authorize: 30,
  consent: 30,
  callback: 30,
  token: 60,
  device_authorization: 10,
  // A code of 34 bits that lives for ten minutes is not to be guessed at this rate.
  device: 20,
  // Only somebody who has logged in gets there: a limit of its own, so that no guess stops them on their last step.
  device_answer: 60,
  account: 30,
  revoke: 60,
  discovery: 60,
  // Servers that call for many people at once: the identity provider, when many are logged out together …
  backchannel_logout: 600,
  // … and resource servers, which ask about every call of theirs.
  introspect: 6000,
} as const satisfies Partial<Record<EndpointName, number>>;

/** Calls per address and minute with a bearer token that is good. */
const callsPerAddress = 600;
/** Calls per address and minute that name nobody: no bearer token, or one that was not sealed here. */
const strangersPerAddress = 600;
/** Registrations a minute from everywhere. Each is a sealing and a line in the log, and IPv6 addresses cost nothing. */
const registrationsInAll = 6000;
const deviceAuthorizationsInAll = 600;
/** Of the device page, a minute from everywhere: its codes may not be guessed from many addresses either. */
const devicePagesInAll = 6000;
/** Refreshes per minute. An honest client needs one an hour for each grant. */
const refreshesPerGrant = 60;
/** Of one person with one client. Not of the client: one id may serve thousands, any of whom could use that up. */
const refreshesPerPerson = 1200;

const limitsInAll: Partial<Record<EndpointName, number>> = {
  register: registrationsInAll,
  // Each is a record in the store for ten minutes.
  device_authorization: deviceAuthorizationsInAll,
  device: devicePagesInAll,
};

export type RateLimitOutcome =
  | { readonly outcome: 'allowed' }
  /** `retryAfterSeconds`: whole seconds, at least 1. */
  | { readonly outcome: 'limited'; readonly retryAfterSeconds: number };

/**
 * Who may do how much in a minute. Each method counts one request on budgets of its own. What comes before anybody has
 * proven anything is counted for the address alone: a budget under a name that a stranger can write into a request,
 * a client id or a subject, is a means to lock its owner out.
 */
export interface RateLimits {
  /** A request to an endpoint. One without a limit is always allowed. */
  check(endpoint: EndpointName, address: string): Promise<RateLimitOutcome>;
  /** A call with a good bearer token. */
  checkCall(address: string): RateLimitOutcome;
  /** A call that names nobody. Counted in this process: a flood of these never reaches the store. */
  checkStranger(address: string): RateLimitOutcome;
  /** Whether one more of those would be refused; counts nothing. */
  judgeStranger(address: string): RateLimitOutcome;
  /** A refresh with a refresh token that opened and belongs to the client that presents it. */
  checkRefresh(terms: Pick<GrantTerms, 'client' | 'subject' | 'grantId'>): Promise<RateLimitOutcome>;
}

export interface RateLimitsOptions {
  readonly enabled: boolean;
  readonly nowMs: () => number;
  /** Undefined: this process counts for itself. */
  readonly shared?: SharedCounter | undefined;
  /** Told when the replicas cannot be asked; this process then counts alone for a while. */
  readonly onSharedFailure?: (error: unknown) => void;
  /** Keys kept of each of the two kinds, strangers' and known ones'; about 150 bytes each. */
  readonly maxKeys?: number;
}

interface Count {
  readonly endsAt: number;
  /** Counted by this process. */
  here: number;
  /** Counted by the other replicas, as far as is known. */
  elsewhere: number;
  /** Of `here`, what the others were told. */
  told: number;
  /** When they are told next. */
  tellAt: number;
}

const windowSeconds = 60;
const tellEveryMs = 1000;
const defaultMaxKeys = 50_000;
const allowed: RateLimitOutcome = { outcome: 'allowed' };

export function createRateLimits(options: RateLimitsOptions): RateLimits {
  const { nowMs } = options;
  if (!options.enabled) return unlimited;
  const makeTable = (): WindowTable<Count> =>
    createWindowTable({
      windowMs: windowSeconds * 1000,
      maxKeys: options.maxKeys ?? defaultMaxKeys,
      nowMs,
      create: (endsAt) => ({ endsAt, here: 0, elsewhere: 0, told: 0, tellAt: nowMs() }),
    });
  // Two, so that no number of strangers can push out the counts of those who are known.
  const strangers = makeTable();
  const known = makeTable();
  const onFailure = options.onSharedFailure ?? (() => undefined);
  const shared =
    options.shared === undefined ? undefined : insureCounter(options.shared, { nowMs, onFailure });

  function judge(count: number, limit: number, endsAt: number): RateLimitOutcome {
    if (count <= limit) return allowed;
    const retryAfterSeconds = Math.max(1, Math.ceil((endsAt - nowMs()) / 1000));
    return { outcome: 'limited', retryAfterSeconds };
  }

  /** Knows what the others have counted up to this very request. */
  async function checkEverywhere(
    table: WindowTable<Count>,
    key: string,
    limit: number,
  ): Promise<RateLimitOutcome> {
    const count = table.take(key);
    count.here += 1;
    const verdict = judge(count.here, limit, count.endsAt);
    // Whoever is over the limit here is over it everywhere: a flood ends in this process.
    if (shared === undefined || verdict.outcome === 'limited') return verdict;
    const total = await shared.increment(key, windowSeconds, 1);
    return total === undefined ? verdict : judge(total.count, limit, nowMs() + total.resetsInMs);
  }

  /** Decides at once, and tells the others once a second: calls are many and wait for nobody. */
  function checkHere(table: WindowTable<Count>, key: string, limit: number): RateLimitOutcome {
    const count = table.take(key);
    count.here += 1;
    if (shared !== undefined && nowMs() >= count.tellAt) void tell(count, key);
    return judge(count.here + count.elsewhere, limit, count.endsAt);
  }

  async function tell(count: Count, key: string): Promise<void> {
    const by = count.here - count.told;
    count.told = count.here;
    count.tellAt = nowMs() + tellEveryMs;
    const total = await shared?.increment(key, windowSeconds, by);
    if (total !== undefined) count.elsewhere = Math.max(0, total.count - count.told);
  }

  return {
    async check(endpoint, address) {
      const limit = limitOf(endpoint);
      if (limit === undefined) return allowed;
      const verdict = await checkEverywhere(strangers, `${endpoint}:${rateLimitKey(address)}`, limit);
      const inAll = limitsInAll[endpoint];
      if (inAll === undefined || verdict.outcome === 'limited') return verdict;
      // After the address's own: one address cannot use up what is there for all.
      return checkEverywhere(known, endpoint, inAll);
    },
    checkCall: (address) => checkHere(known, `mcp:${rateLimitKey(address)}`, callsPerAddress),
    checkStranger(address) {
      const count = strangers.take(`stranger:${rateLimitKey(address)}`);
      count.here += 1;
      return judge(count.here, strangersPerAddress, count.endsAt);
    },
    judgeStranger(address) {
      const { here, endsAt } = strangers.take(`stranger:${rateLimitKey(address)}`);
      return judge(here + 1, strangersPerAddress, endsAt);
    },
    async checkRefresh({ client, subject, grantId }) {
      const verdict = await checkEverywhere(known, `grant:${grantId}`, refreshesPerGrant);
      if (verdict.outcome === 'limited') return verdict;
      return checkEverywhere(known, `person:${client} ${subject}`, refreshesPerPerson);
    },
  };
}

function limitOf(endpoint: EndpointName): number | undefined {
  const limits: Partial<Record<EndpointName, number>> = perAddress;
  return limits[endpoint];
}

const unlimited: RateLimits = {
  check: () => Promise.resolve(allowed),
  checkCall: () => allowed,
  checkStranger: () => allowed,
  judgeStranger: () => allowed,
  checkRefresh: () => Promise.resolve(allowed),
};
