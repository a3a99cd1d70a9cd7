import { destination, type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

/** Structured log: one JSON line per call on standard output. No token, code, secret or cookie goes in. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

const maxBufferedBytes = 8 * 1024 * 1024;
/** POSIX's promise for pipes: what is written in one piece of at most this many bytes stays in one piece. */
const maxAtomicBytes = 4096;

export interface LoggerOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  /** Where lines go; standard output when absent. */
  readonly destination?: DestinationStream;
  /** Number of this process among those that write to the same output; each of its lines carries it. */
  readonly worker?: number;
}

/** The predecessor's line shape: `level` as a word, `ts` in ISO 8601, `msg` the event's name. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: options.worker === undefined ? null : { worker: options.worker },
    messageKey: 'msg',
    timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    // A second line of defence: nothing here logs these on purpose.
    redact: {
      paths: ['authorization', 'cookie', '*.authorization', '*.cookie', '*.client_secret', '*.refresh_token'],
      censor: '[redacted]',
    },
  };
  const sharedOutput = options.worker !== undefined;
  return pino(settings, options.destination ?? standardOutput(sharedOutput));
}

/**
 * Not synchronous: whoever reads the log and stalls must not stall the process. What it does not take is kept up to
 * the cap and dropped beyond; what is left at the exit is written then. Where others write to the same pipe, pieces are
 * small enough that no line of theirs ends up inside one of ours.
 */
function standardOutput(shared: boolean): DestinationStream {
  const pieces = shared ? { maxWrite: maxAtomicBytes } : {};
  return destination({ dest: 1, sync: false, maxLength: maxBufferedBytes, ...pieces });
}

/** What a log may say of a thrown value: its class, and its message when it is one of ours or the system's. */
export function describeError(error: unknown): { readonly error: string; readonly code?: string } {
  if (!(error instanceof Error)) return { error: typeof error };
  const code = (error as { code?: unknown }).code;
  return { error: error.name, ...(typeof code === 'string' ? { code } : {}) };
}
