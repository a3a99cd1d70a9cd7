import { isDeepStrictEqual } from 'node:util';

import type { Clock } from '../platform/clock.ts';
import { watchFiles } from '../platform/files/file-watch.ts';
import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import { Gauge, type Registry } from '../platform/telemetry/metrics.ts';
import { PemFileError } from '../platform/tls/pem-files.ts';
import type { GatehouseConfig } from './config/config.ts';
import { ConfigError, describeProblem } from './config/load-config.ts';
import { joinConfigs, listLate } from './config/reloadable.ts';
import { listChangedSections } from './live-changes.ts';

/** Where the configuration of this process comes from. */
export interface ConfigSource {
  /** Reads all there is. @throws ConfigError */
  readonly load: () => GatehouseConfig;
  /** The files that the last reading read, or wanted to read. */
  readonly filesRead: () => readonly string[];
}

export interface ConfigReloadDeps {
  readonly source: ConfigSource;
  /** Goes over to another configuration, or throws and leaves everything as it is. */
  readonly apply: (config: GatehouseConfig) => void | Promise<void>;
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock: Pick<Clock, 'nowSeconds'>;
  readonly pollMilliseconds?: number;
}

export interface ConfigReload {
  /** Reads everything now, whether it changed or not. Resolves when it is in force, or refused; never rejects. */
  reload(): Promise<void>;
  close(): void;
}

/**
 * Reads the configuration again when its file changes, or a file that it names a secret in. What is not acceptable, as
 * a whole, changes nothing: the log has every reason, and a metric says that it is so.
 * @param initial what is in force. Without a file nothing is ever read
 */
export function openConfigReload(initial: GatehouseConfig, deps: ConfigReloadDeps): ConfigReload {
  const { source, apply, log, pollMilliseconds } = deps;
  if (initial.file === undefined) return { reload: async () => {}, close: () => {} };
  const numbers = showReloads(deps);
  let current = initial;
  /** What waits for a restart. */
  let late: readonly string[] = [];
  /** Why the last reading changed nothing. */
  let refusal: Readonly<Record<string, unknown>> | undefined;
  let running: Promise<void> = Promise.resolve();

  async function attempt(isAsked: boolean): Promise<void> {
    try {
      const read = source.load();
      const next = joinConfigs(initial, read);
      const waiting = listLate(initial, read);
      const isNew = refusal !== undefined || !isDeepStrictEqual([next, waiting], [current, late]);
      if (isNew) await apply(next);
      if (isNew || isAsked) tell(next, waiting);
      current = next;
      late = waiting;
      refusal = undefined;
      numbers.accepted();
    } catch (error) {
      const why = describeRefusal(error);
      if (isAsked || !isDeepStrictEqual(why, refusal)) log.error(why, 'config_reload_refused');
      refusal = why;
      numbers.refused();
    }
  }

  function tell(next: GatehouseConfig, settings: readonly string[]): void {
    const changed = listChangedSections(current, next);
    log.info({ config_file: next.file?.path, mounts: next.mounts.length, changed }, 'config_reloaded');
    const known = new Set(current.warnings.map(({ message }) => message));
    for (const { event, message } of next.warnings) {
      if (!known.has(message)) log.warn({ detail: message }, event);
    }
    if (settings.length > 0) log.warn({ settings }, 'config_needs_restart');
  }

  const enqueue = (isAsked: boolean): Promise<void> => {
    running = running.then(() => attempt(isAsked));
    return running;
  };
  const watch = watchFiles({
    // What was refused may come right without a change of its own: a secret that was not there yet.
    files: () => (refusal === undefined ? listFiles(current) : source.filesRead()),
    onChange: () => void enqueue(false),
    tellFirst: true,
    pollMilliseconds,
  });
  return { reload: () => enqueue(true), close: () => watch.close() };
}

function listFiles({ file }: GatehouseConfig): readonly string[] {
  return file === undefined ? [] : [file.path, ...file.secretFiles];
}

/** No value of the configuration is in it. */
function describeRefusal(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof ConfigError) {
    const { problems } = error;
    return { problems: problems.map(describeProblem), hints: problems.map(({ fix }) => fix) };
  }
  if (error instanceof PemFileError) {
    return { problems: [`the ${error.file} of an upstream ${error.problem}`], hints: [error.fix] };
  }
  return describeError(error);
}

function showReloads({ registry, clock }: ConfigReloadDeps) {
  const registers = [registry];
  const failed = new Gauge({
    name: 'gatehouse_config_reload_failed',
    help: '1 while the configuration file is not acceptable and what was read before is in force',
    registers,
  });
  const loaded = new Gauge({
    name: 'gatehouse_config_loaded_timestamp_seconds',
    help: 'When the configuration that is in force was read',
    registers,
  });
  const accepted = (): void => {
    failed.set(0);
    loaded.set(clock.nowSeconds());
  };
  accepted();
  return { accepted, refused: () => failed.set(1) };
}
