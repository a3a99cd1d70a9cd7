import type { Clock } from '../../../platform/clock.ts';
import type { IssuedToken } from './platform.ts';

export interface KeptToken {
  /** One that is still good for a while. Rejects as obtaining one does, or when the caller's time is over. */
  get(deadline: AbortSignal): Promise<string>;
  /** Of this one the peer says that it is not good. */
  forget(token: string): void;
}

export interface KeptTokenDeps {
  readonly obtain: (signal: AbortSignal) => Promise<IssuedToken>;
  readonly clock: Pick<Clock, 'nowMilliseconds'>;
}

/** Another one is asked for when this much is left, while the present one still serves. */
const renewalSeconds = 300;
/** A question and its pages take no longer. */
const leastSeconds = 20;
/** Of its own: those who wait come and go. */
const obtainTimeoutMilliseconds = 8_000;

/** Keeps a token until shortly before its end; however many ask, it is obtained once. */
export function createKeptToken({ obtain, clock }: KeptTokenDeps): KeptToken {
  let kept: { readonly token: string; readonly endMs: number } | undefined;
  let attempt: Promise<string> | undefined;

  function renew(): Promise<string> {
    attempt ??= obtain(AbortSignal.timeout(obtainTimeoutMilliseconds))
      .then(({ token, lifetimeSeconds }) => {
        kept = { token, endMs: clock.nowMilliseconds() + lifetimeSeconds * 1_000 };
        return token;
      })
      .finally(() => {
        attempt = undefined;
      });
    return attempt;
  }

  function secondsLeft(): number {
    return kept === undefined ? 0 : (kept.endMs - clock.nowMilliseconds()) / 1_000;
  }

  return {
    async get(deadline) {
      const left = secondsLeft();
      if (kept !== undefined && left >= leastSeconds) {
        // Failing in the background harms nobody yet; who needs the next one will hear of it.
        if (left < renewalSeconds) renew().catch(() => undefined);
        return kept.token;
      }
      return within(deadline, renew());
    },
    forget(token) {
      if (kept?.token === token) kept = undefined;
    },
  };
}

/** Gives up waiting at the deadline; what was waited for goes on for whoever else wants it. */
function within<T>(deadline: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new Error('the deadline passed'));
    if (deadline.aborted) giveUp();
    deadline.addEventListener('abort', giveUp, { once: true });
    promise.then(resolve, reject).finally(() => deadline.removeEventListener('abort', giveUp));
  });
}
