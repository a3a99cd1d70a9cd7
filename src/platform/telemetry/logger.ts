import { destination, type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

import { type ByteOutput, gather, type GatheringStream } from './gathered-lines.ts';

/** Structured log: one JSON line per call on standard output. No token, code, secret or cookie goes in. */
export interface Logger extends Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'> {
  /**
   * A line at level info that comes with every request and costs what a line of text costs.
   * @param fields the inside of a JSON object; nothing in it is looked at again
   */
  line(fields: string, message: string): void;
}

const maxBufferedBytes = 8 * 1024 * 1024;
/** Lines go out together. */
const maxGatheredBytes = 64 * 1024;
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
    timestamp: () => `,"ts":"${timestamp()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    // A second line of defence: nothing here logs these on purpose.
    redact: {
      paths: ['authorization', 'cookie', '*.authorization', '*.cookie', '*.client_secret', '*.refresh_token'],
      censor: '[redacted]',
    },
  };
  const output = options.destination ?? standardOutput(options.worker !== undefined);
  const log = pino(settings, output);
  const worker = options.worker === undefined ? '' : `"worker":${options.worker},`;
  const add = findAdd(output);
  const isWritten = log.isLevelEnabled('info');
  return Object.assign(log, {
    line(fields: string, message: string): void {
      if (!isWritten) return;
      add(
        ['{"level":"info","ts":"', timestamp(), '",', worker, fields, ',"msg":"', message, '"}\n'].join(''),
      );
    },
  });
}

/** Where others read along, as in tests, nothing waits. */
function findAdd(output: DestinationStream | GatheringStream): (line: string) => void {
  if ('add' in output) return (line) => output.add(line);
  return (line) => {
    output.write(line);
  };
}

let second = 0;
let dateAndTime = '';

/** The moment in ISO 8601, of which all but the milliseconds is formatted once in a second. */
function timestamp(): string {
  const now = Date.now();
  const current = Math.floor(now / 1000);
  if (current !== second) {
    second = current;
    dateAndTime = new Date(current * 1000).toISOString().slice(0, -4);
  }
  return `${dateAndTime}${String(now - current * 1000).padStart(3, '0')}Z`;
}

/**
 * Not synchronous: whoever reads the log and stalls must not stall the process. What it does not take is kept up to
 * the cap and dropped beyond; what is left at the exit is written then. Where others write to the same pipe, pieces are
 * small enough that no line of theirs ends up inside one of ours.
 */
function standardOutput(shared: boolean): GatheringStream {
  const pieces = shared ? { maxWrite: maxAtomicBytes } : {};
  const settings = {
    dest: 1,
    sync: false,
    maxLength: maxBufferedBytes,
    contentMode: 'buffer',
    ...pieces,
  } as const;
  const output: unknown = destination(settings);
  return gather(output as ByteOutput, shared ? maxAtomicBytes : maxGatheredBytes);
}

/** What a log may say of a thrown value: its class, and its message when it is one of ours or the system's. */
export function describeError(error: unknown): { readonly error: string; readonly code?: string } {
  if (!(error instanceof Error)) return { error: typeof error };
  const code = (error as { code?: unknown }).code;
  return { error: error.name, ...(typeof code === 'string' ? { code } : {}) };
}
