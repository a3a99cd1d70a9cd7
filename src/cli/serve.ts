import closeWithGrace from 'close-with-grace';

import type { GatehouseConfig } from '../gateway/config/config.ts';
import { formatListenAddress } from '../gateway/config/listen-address.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { version } from '../gateway/version.ts';
import { systemClock } from '../platform/clock.ts';
import { systemRandom } from '../platform/random.ts';
import { createLogger, describeError, type Logger } from '../platform/telemetry/logger.ts';

export interface ServeDeps {
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

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
 * Starts the server. Resolves when both listeners are bound. SIGTERM, SIGINT, SIGHUP and SIGQUIT drain it and end the
 * process with 0, a second one with 2, an uncaught fault with 1. With a key file, SIGHUP reads it again instead.
 * @throws StoreError when the store cannot be opened, and the system's error when an address cannot be bound
 */
export async function serve(config: GatehouseConfig, deps: ServeDeps): Promise<void> {
  const log = createLogger({ level: config.logging.level });
  log.info({ version, node: process.version }, 'starting');
  for (const { event, message } of config.warnings) log.warn({ detail: message }, event);
  log.info(summarize(config), 'startup_config');
  const starting = start(config, log);
  // Before the start is through: as the first process of a container, signals without a handler would be lost.
  const reloads = config.sealing.kind === 'key-file';
  if (reloads) reloadOnSignal(starting);
  closeOnSignal(starting, { timeoutSeconds: config.shutdownTimeoutSeconds, reloads }, log, deps);
  await starting;
}

async function start(config: GatehouseConfig, log: Logger): Promise<Gateway> {
  const gateway = createGateway(config, { log, clock: systemClock, random: systemRandom });
  try {
    const { publicPort, metricsPort } = await gateway.listen();
    const metricsAddress = formatListenAddress({ ...config.metricsListen, port: metricsPort });
    log.info({ address: metricsAddress }, 'metrics_listening');
    log.info({ address: formatListenAddress({ ...config.listen, port: publicPort }) }, 'listening');
    return gateway;
  } catch (error) {
    await gateway.close(0);
    throw error;
  }
}

function reloadOnSignal(starting: Promise<Gateway>): void {
  process.on('SIGHUP', () => {
    // A start that failed has said so already.
    void starting.then((gateway) => gateway.reload()).catch(() => {});
  });
}

function closeOnSignal(
  starting: Promise<Gateway>,
  { timeoutSeconds, reloads }: { readonly timeoutSeconds: number; readonly reloads: boolean },
  log: Logger,
  deps: ServeDeps,
): void {
  closeWithGrace(
    {
      delay: (timeoutSeconds + afterDrainSeconds) * 1000,
      skip: [...leftAlone, 'beforeExit', ...(reloads ? (['SIGHUP'] as const) : [])],
      logger: { error: (error: unknown) => log.error(describeError(error), 'shutdown_error') },
      onSecondSignal: (signal) => {
        log.warn({ signal }, 'shutdown_forced_second_signal');
        deps.exit(2);
      },
      onTimeout: () => log.error({ timeout_seconds: timeoutSeconds }, 'shutdown_timed_out'),
    },
    async ({ signal, err }) => {
      if (err !== undefined) log.fatal({ ...describeError(err), stack: err.stack }, 'uncaught_fault');
      const deadlineSeconds =
        err === undefined ? timeoutSeconds : Math.min(timeoutSeconds, faultDeadlineSeconds);
      log.info({ signal, timeout_seconds: deadlineSeconds }, 'shutting_down');
      await (await starting).close(deadlineSeconds);
    },
  );
}

/** What a reader of the log needs to know of the configuration; names as the predecessor logged them. */
function summarize(config: GatehouseConfig): Record<string, unknown> {
  return {
    prod_mode: config.productionMode,
    rate_limit_enabled: config.limits.enabled,
    trust_proxy_headers: config.limits.trustEveryProxy,
    render_consent_page: config.renderConsentPage,
    per_subject_concurrency: config.limits.perSubjectConcurrency,
    groups_claim: config.identityProvider.groupsClaim,
    allowed_groups_set: config.allowedGroups.length > 0,
    revoke_before_set: config.tokens.revokeBefore !== undefined,
    upstream_authorization_set: config.upstream.authorization !== undefined,
    access_log_skip_re: config.logging.accessLogSkip?.source ?? '',
    tool_metrics_enabled: config.toolMetrics.enabled,
    tool_metrics_max_cardinality: config.toolMetrics.maxCardinality,
    ...(config.sealing.kind === 'secrets'
      ? { previous_keys: config.sealing.secrets.length - 1 }
      : { signing_keys_file: config.sealing.path }),
    store: config.store.kind,
  };
}
