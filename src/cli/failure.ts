import type { ConfigWarning } from '../gateway/config/config.ts';
import { ConfigError, describeProblem } from '../gateway/config/load-config.ts';
import { StoreError } from '../platform/store/store.ts';
import { PemFileError } from '../platform/tls/pem-files.ts';
import { KeySetError } from '../services/keys/key-set-error.ts';
import { WorkerStartError } from './worker-crew.ts';

/** A command cannot do what it was asked to, and knows what to do about it. */
export class CommandFailure extends Error {
  readonly hint: string;

  constructor(error: string, hint: string) {
    super(error);
    this.name = 'CommandFailure';
    this.hint = hint;
  }
}

/** What the command line says of a failure: `error: what`, then `hint: what to do`. */
export function describeFailure(error: unknown): string {
  if (error instanceof ConfigError) return describeConfigError(error);
  if (error instanceof CommandFailure) return say(error.message, error.hint);
  if (error instanceof KeySetError || error instanceof PemFileError) return say(error.message, error.fix);
  if (error instanceof StoreError) {
    return say(
      error.message,
      'check that STORE_PATH names a file in a folder that this process may write, and a file that is a gatehouse store; with REDIS_URL, that Redis is there and takes its user and password',
    );
  }
  if (error instanceof WorkerStartError) {
    return (
      error.text ?? say(error.message, 'look at the lines that it logged; with WORKERS=1 it says the same')
    );
  }
  const code = systemCodeOf(error);
  if (code === 'EADDRINUSE') {
    return say('a listen address is taken', 'stop what listens there, or change LISTEN_ADDR or METRICS_ADDR');
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return say(
      `a listen address cannot be used (${code})`,
      'LISTEN_ADDR and METRICS_ADDR must name an interface of this machine and a port this process may open',
    );
  }
  const stack = error instanceof Error ? `${error.stack ?? error.message}\n` : '';
  return say('this is a fault of gatehouse', 'report it with the lines below') + stack;
}

/** Every problem of a configuration as a pair of lines, then what may be behind them. */
export function describeConfigError({ problems, warnings }: ConfigError): string {
  return [
    ...problems.map((problem) => say(describeProblem(problem), problem.fix)),
    ...warnings.map((warning) => `${describeWarning(warning)}\n`),
  ].join('');
}

/** A warning of a configuration as one line, without its end. */
export function describeWarning({ event, message }: ConfigWarning): string {
  return `warning: ${message} (${event})`;
}

function say(error: string, hint: string): string {
  return `error: ${error}\nhint: ${hint}\n`;
}

function systemCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
