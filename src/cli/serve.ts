import type { GatehouseConfig } from '../gateway/config/config.ts';
import type { ConfigSource } from '../gateway/config-reload.ts';
import { formatListenAddress } from '../gateway/config/listen-address.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { version } from '../gateway/version.ts';
import { systemClock } from '../platform/clock.ts';
import { systemRandom } from '../platform/random.ts';
import { createLogger, type Logger } from '../platform/telemetry/logger.ts';
import { findDescriptorLimit } from './descriptor-limit.ts';
import { hasFilesToReload } from './reloadable-files.ts';
import { closeOnSignal } from './signals.ts';

export interface ServeDeps {
  /** Where the configuration came from. */
  readonly source: ConfigSource;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/**
 * Starts the server, in as many processes as are configured. Resolves when both listeners are bound. SIGTERM, SIGINT, SIGHUP and SIGQUIT drain it and end the
 * process with 0, a second one with 2, an uncaught fault with 1. With a configuration file, a key file or certificates, SIGHUP reads them again instead.
 * @throws StoreError when the store cannot be opened, and the system's error when an address cannot be bound; of several
 * processes, WorkerStartError
 */
export async function serve(config: GatehouseConfig, { source, exit }: ServeDeps): Promise<void> {
  const log = createLogger({ level: config.logging.level });
  log.info({ version, node: process.version }, 'starting');
  for (const { event, message } of config.warnings) log.warn({ detail: message }, event);
  log.info(summarize(config), 'startup_config');
  if (config.workers > 1) {
    const { servePrimary } = await import('./primary.ts');
    return servePrimary(config, { source, log, exit });
  }
  const starting = start(config, source, log);
  const reloads = hasFilesToReload(config);
  const { shutdownTimeoutSeconds: timeoutSeconds, shutdownDelaySeconds: delaySeconds } = config;
  closeOnSignal(starting, { timeoutSeconds, delaySeconds, reloads }, { log, exit });
  await starting;
}

async function start(config: GatehouseConfig, configSource: ConfigSource, log: Logger): Promise<Gateway> {
  const gateway = createGateway(config, {
    log,
    clock: systemClock,
    random: systemRandom,
    configSource,
    descriptors: findDescriptorLimit(),
  });
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

/** What a reader of the log needs to know of the configuration; names as the predecessor logged them. */
function summarize(config: GatehouseConfig): Record<string, unknown> {
  return {
    prod_mode: config.productionMode,
    rate_limit_enabled: config.limits.enabled,
    trust_proxy_headers: config.limits.trustEveryProxy,
    render_consent_page: config.renderConsentPage,
    per_subject_concurrency: config.limits.perSubjectConcurrency,
    issues_tokens: config.issuesTokens,
    identity_providers: config.identityProviders.map(({ name }) => name),
    groups_claim: config.identityProviders.map(({ groupsClaim }) => groupsClaim).join(', '),
    allowed_groups_set:
      config.identityProviders.length > 0 &&
      config.identityProviders.every(({ allowedGroups }) => allowedGroups.length > 0),
    revoke_before_set: config.tokens.revokeBefore !== undefined,
    upstream_authorization_set: config.mounts.some(({ upstream }) => upstream.authorization !== undefined),
    mounts: config.mounts.length,
    ...(config.file === undefined ? {} : { config_file: config.file.path }),
    access_log_skip_re: config.logging.accessLogSkip?.source ?? '',
    tool_metrics_enabled: config.toolMetrics.enabled,
    tool_metrics_max_cardinality: config.toolMetrics.maxCardinality,
    ...(config.sealing.kind === 'secrets' ? { previous_keys: config.sealing.secrets.length - 1 } : {}),
    ...(config.sealing.kind === 'key-file' ? { signing_keys_file: config.sealing.path } : {}),
    store: config.store.kind,
    workers: config.workers,
  };
}
