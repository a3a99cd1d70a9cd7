import { OAuthError } from '../../protocol/oauth-error.ts';
import { createExchangeLimit, type ExchangeLimitOptions } from './exchange-limit.ts';
import type { WatchLane } from './lane-load.ts';
import { createPlaces } from './places.ts';
import { ProviderFailure } from './provider-failure.ts';
import { createProviderPause, type ProviderPause } from './provider-pause.ts';

/**
 * Finishes one login at the provider within a deadline, if that may be tried now.
 * @throws OAuthError `temporarily_unavailable`, reason `idp_exchange_throttled` or `idp_unavailable`, before anything is
 * sent; and whatever the work throws
 */
export type LoginLane = <T>(work: (deadline: AbortSignal) => Promise<T>) => Promise<T>;

/** Of one provider and process. With answers in a third of a second, that is two hundred logins a second. */
const mostAtOnce = 64;
/** Over all requests of one login together. */
const deadlineMilliseconds = 10_000;

/**
 * Keeps logins from piling up at a provider: by their rate, by how many are under way, and, once it has been silent to
 * several in a row, by leaving it alone for a moment. Rechecks have a lane of their own, so that neither holds up the other.
 */
export function createLoginLane(
  options: ExchangeLimitOptions,
  onLane?: WatchLane,
  pause: ProviderPause = createProviderPause(options.clock),
): LoginLane {
  const takeExchange = createExchangeLimit(options);
  const inPlace = createPlaces(mostAtOnce);
  onLane?.('login', () => ({ underWay: inPlace.taken(), isPaused: pause.isPaused() }));

  async function attempt<T>(work: (deadline: AbortSignal) => Promise<T>): Promise<T> {
    // Last of all: whom the pause admits finds out for everybody, and has to ask.
    if (!pause.admits()) throw unavailable();
    try {
      const result = await work(AbortSignal.timeout(deadlineMilliseconds));
      pause.answered();
      return result;
    } catch (error) {
      if (isSilence(error)) pause.failed();
      else pause.answered();
      throw error;
    }
  }

  return async (work) => {
    if (!takeExchange()) throw throttled();
    return inPlace(() => attempt(work), refuseForCrowd);
  };
}

/**
 * No answer at all. One of 500 does not count: whoever sends codes of their own making could draw it from some
 * providers, and with three of them close the door to everybody.
 */
function isSilence(error: unknown): boolean {
  const cause = error instanceof OAuthError ? error.cause : error;
  return cause instanceof ProviderFailure && (cause.code === 'timeout' || cause.code === 'network');
}

function refuseForCrowd(): never {
  throw throttled();
}

function throttled(): OAuthError {
  return new OAuthError('temporarily_unavailable', 'Too many logins at once; try again in a moment', {
    reason: 'idp_exchange_throttled',
    retryAfterSeconds: 1,
  });
}

function unavailable(): OAuthError {
  return new OAuthError('temporarily_unavailable', 'The login service cannot be reached; try again shortly', {
    reason: 'idp_unavailable',
    retryAfterSeconds: 5,
  });
}
