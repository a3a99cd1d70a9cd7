import closeWithGrace from 'close-with-grace';

import { describeError, type Logger } from '../platform/telemetry/logger.ts';

/** What signals are about: a gateway, or several processes of them. */
export interface Serving {
  /** Reads again what may change without a restart. */
  reload(): Promise<void>;
  /** Drains, and cuts what is left at the deadline. For part of that time, calls are taken as before. */
  close(deadlineSeconds: number, delaySeconds: number): Promise<void>;
}

export interface SignalDeps {
  readonly log: Logger;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

export interface SignalOptions {
  /** How long calls under way may go on. */
  readonly timeoutSeconds: number;
  /** For how much of that new connections are taken, unless it is a fault that ends us. */
  readonly delaySeconds: number;
  /** Whether SIGHUP reloads; otherwise it ends the process as SIGTERM does. */
  readonly reloads: boolean;
  /** Signals of the process group are for somebody else to judge; faults are not. */
  readonly faultsOnly?: boolean;
  /** What is done between the drain and the end. */
  readonly beforeEnd?: () => Promise<void>;
}

const endingSignals: closeWithGrace.Signals[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'];
/** Faults of the machine end the process as they always do; so does running out of work. */
const leftAlone: closeWithGrace.Signals[] = [
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGSEGV',
  'SIGUSR2',
];
/** After a fault nobody caught, the state of the process is anybody's guess: it does not stay longer than this. */
const faultDeadlineSeconds = 5;
/** What may be left to do when the drain is over, e.g. closing the store. */
const afterDrainSeconds = 10;

/**
 * SIGTERM, SIGINT, SIGHUP and SIGQUIT drain and end the process with 0, a second one with 2, an uncaught fault with 1.
 * To be called before the start is through: as the first process of a container, signals without a handler would be
 * lost. Returns "do so now".
 */
export function closeOnSignal(
  starting: Promise<Serving>,
  options: SignalOptions,
  { log, exit }: SignalDeps,
): () => void {
  const { timeoutSeconds, delaySeconds, reloads, faultsOnly = false } = options;
  if (reloads && !faultsOnly) reloadOnSignal(starting);
  const skipped = faultsOnly ? endingSignals : reloads ? (['SIGHUP'] as const) : [];
  const grace = closeWithGrace(
    {
      delay: (timeoutSeconds + afterDrainSeconds) * 1000,
      skip: [...leftAlone, 'beforeExit', ...skipped],
      logger: { error: (error: unknown) => log.error(describeError(error), 'shutdown_error') },
      onSecondSignal: (signal) => {
        log.warn({ signal }, 'shutdown_forced_second_signal');
        exit(2);
      },
      onTimeout: () => log.error({ timeout_seconds: timeoutSeconds }, 'shutdown_timed_out'),
    },
    async ({ signal, err }) => {
      closing = true;
      if (err !== undefined) log.fatal({ ...describeError(err), stack: err.stack }, 'uncaught_fault');
      const deadlineSeconds =
        err === undefined ? timeoutSeconds : Math.min(timeoutSeconds, faultDeadlineSeconds);
      log.info({ signal, timeout_seconds: deadlineSeconds }, 'shutting_down');
      await (await starting).close(deadlineSeconds, err === undefined ? delaySeconds : 0);
      await options.beforeEnd?.();
    },
  );
  let closing = false;
  return () => {
    if (!closing) grace.close();
    closing = true;
  };
}

function reloadOnSignal(starting: Promise<Serving>): void {
  process.on('SIGHUP', () => {
    // A start that failed has said so already.
    void starting.then((serving) => serving.reload()).catch(() => {});
  });
}
