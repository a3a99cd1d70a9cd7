import { awsVariableNames } from '../../services/identity/google/aws-variables.ts';
import { demandAsLoginsDo } from '../../services/identity/assertions/trusted-issuer.ts';
import type { ConfigWarning, GatehouseConfig } from './config.ts';
import { findEntryProblems } from './entry-posture.ts';
import { findEntryWarnings } from './entry-warnings.ts';
import { assembleIdentityProvider } from './identity-provider-config.ts';
import { findUnknownMounts } from './introspection-clients.ts';
import { readClients } from './file/assemble-clients.ts';
import {
  findChoiceProblems,
  findChoiceWarnings,
  hasProviderSection,
  leaveProviderSettingsOut,
  leaveProviderValuesOut,
  readIdentityProviders,
} from './file/assemble-identity-providers.ts';
import { readMounts } from './file/assemble-mounts.ts';
import { type GivenConfig, readGivenConfig } from './file/given-file.ts';
import { listMountNames } from './file/mount-names.ts';
import {
  findTrustedIssuerProblems,
  findTrustedIssuerWarnings,
  readTrustedIssuers,
} from './file/trusted-issuers-section.ts';
import { defaultListenAddress } from './listen-address.ts';
import { findNodeVersionWarning } from './node-floor.ts';
import { leaveShutDoorsOut } from './open-doors.ts';
import { findCombinedProblems, findCombinedWarnings } from './posture.ts';
import {
  type Environment,
  judgeSettings,
  type ReadFile,
  readSettings,
  type SettingsReading,
} from './read-settings.ts';
import { assembleRedis } from './redis-posture.ts';
import type { SettingValues } from './schema.ts';
import { ConfigError, type ConfigProblem } from './setting.ts';
import { defaultStorePath } from './settings-grants.ts';
import { findNeedProblems, findNeedWarnings, judgeProviderNeed, type ProviderNeed } from './provider-need.ts';
import { pairOf } from './tls-posture.ts';
import { findUnknownVariables } from './unknown-variables.ts';
import { findUnverifiedEmail } from './unverified-email.ts';

export { ConfigError, type ConfigProblem, describeProblem } from './setting.ts';

/**
 * Reads the configuration from environment variables and the file that `GATEHOUSE_CONFIG` names. `readFile` returns the
 * text of that file, and of those that a `NAME_FILE` variable or a key of the file names.
 * @throws ConfigError with every problem there is, and no value of any variable
 */
export function loadConfig(env: Environment, readFile: ReadFile, runtime: Runtime = {}): GatehouseConfig {
  const given = readGivenConfig(env, readFile);
  if (given.isUnread) throw new ConfigError(...findBesideFile(given, env, readFile));
  const need = judgeProviderNeed(given);
  const reading = readOwnSettings(given, need, readFile);
  const listed = readIdentityProviders(given, reading.values, readFile);
  const judgement = judgeSettings(reading.values);
  const { mounts, secretFiles, ...mounted } = readMounts(given, reading.values, readFile);
  const trusted = readTrustedIssuers(given, mounts);
  const { clients, files, ...ofClients } = readClients(given, mounts, readFile);
  const unknown = findUnknownVariables(env);
  const refuse = (problems: readonly ConfigProblem[]): void => {
    const found = [...given.problems, ...problems.map((problem) => given.locateVariable(problem))];
    if (found.length > 0) throw new ConfigError(found, unknown);
  };
  refuse([
    ...reading.problems,
    ...judgement.problems,
    ...findCombinedProblems(reading.values, { sealsNothing: sealsNothing(need, reading.values) }),
    ...listed.problems,
    ...mounted.problems,
    ...findUnknownMounts(reading.values.INTROSPECTION_CLIENTS, listMountNames(given, mounts)),
    // Of a mount or a provider with a problem of its own nobody knows what it is called, or which one it is.
    ...(given.problems.length > 0 ? [] : findChoiceProblems(given, mounts, listed.providers)),
    ...trusted.problems,
    ...ofClients.problems,
  ]);
  // No problem means that every variable has its value, and that there is a mount.
  const values = reading.values as SettingValues;
  const { path, settings } = given;
  const identityProviders =
    listed.providers.length > 0 || need.kind !== 'described'
      ? listed.providers
      : [assembleIdentityProvider(values)];
  const config = assemble(values, {
    mounts: mounts as GatehouseConfig['mounts'],
    trustedIssuers: demandAsLoginsDo(trusted.trustedIssuers, identityProviders),
    clients,
    awsVariables: pickAwsVariables(given.env),
    entry: given.sections?.entry,
    identityProviders,
    issuesTokens: need.kind === 'described',
    file:
      path === undefined
        ? undefined
        : { path, secretFiles: [...listed.secretFiles, ...secretFiles, ...files], settings },
    workers: values.WORKERS === 'auto' ? Math.max(1, runtime.cores ?? 1) : values.WORKERS,
    warnings: [
      ...listed.warnings,
      ...findChoiceWarnings(mounts, listed.providers),
      ...reading.warnings,
      ...judgement.warnings,
      ...findCombinedWarnings(reading.values),
      ...mounted.warnings,
      ...ofClients.warnings,
      ...findNeedWarnings(need, given, values),
      ...findTrustedIssuerWarnings(trusted.trustedIssuers, identityProviders),
      ...unknown,
      ...findRuntimeWarnings(runtime),
    ],
  });
  refuse([
    ...findUnverifiedEmail(config),
    ...findEntryProblems(config),
    ...findTrustedIssuerProblems(config),
    ...(runtime.examine?.(config) ?? []),
  ]);
  const late = [...findEntryWarnings(config), ...(runtime.warn?.(config) ?? [])];
  return { ...config, warnings: [...leaveShutDoorsOut(config), ...late] };
}

/** What can be said while nobody knows what the file says: nothing of what is not set, which may be set there. */
function findBesideFile(
  { problems }: GivenConfig,
  env: Environment,
  readFile: ReadFile,
): [problems: readonly ConfigProblem[], warnings: readonly ConfigWarning[]] {
  const isSet = (variable: string): boolean =>
    [variable, `${variable}_FILE`].some((name) => (env[name] ?? '') !== '');
  const ownProblems = readSettings(env, readFile).problems.filter(({ variable }) => isSet(variable));
  return [[...problems, ...ownProblems], findUnknownVariables(env)];
}

/** The settings without those that the file has taken the place of, which are a problem of their own. */
function readOwnSettings(given: GivenConfig, need: ProviderNeed, readFile: ReadFile): SettingsReading {
  const reading = readSettings(given.env, readFile);
  if (!hasProviderSection(given) && need.kind === 'described') return reading;
  return {
    ...reading,
    values: leaveProviderValuesOut(reading.values),
    problems: [
      ...leaveProviderSettingsOut(reading.problems),
      ...findNeedProblems(need, given.env, reading.values),
    ],
  };
}

/** What a gatehouse that issues no tokens has a secret for is the sessions of upstreams. */
function sealsNothing(need: ProviderNeed, { SESSION_BINDING }: Partial<SettingValues>): boolean {
  return need.kind === 'needless' && SESSION_BINDING === false;
}

/** As they are: whoever needs them says what is wrong with them. */
function pickAwsVariables(env: Environment): GatehouseConfig['awsVariables'] {
  return Object.fromEntries(awsVariableNames.map((name) => [name, env[name] || undefined]));
}

/** What is known of the process that is configured. */
export interface Runtime {
  /** `process.version`: with it, an outdated runtime is among the warnings. */
  readonly nodeVersion?: string;
  /** What `WORKERS=auto` comes to. */
  readonly cores?: number;
  /** Problems that only show on this machine: what the files that are named hold. */
  readonly examine?: (config: GatehouseConfig) => readonly ConfigProblem[];
  /** The same for warnings, where there are no problems. */
  readonly warn?: (config: GatehouseConfig) => readonly ConfigWarning[];
}

function findRuntimeWarnings({ nodeVersion }: Runtime): ConfigWarning[] {
  const outdated = nodeVersion === undefined ? undefined : findNodeVersionWarning(nodeVersion);
  return outdated === undefined ? [] : [outdated];
}

function assemble(
  values: SettingValues,
  others: Pick<
    GatehouseConfig,
    | 'mounts'
    | 'clients'
    | 'awsVariables'
    | 'entry'
    | 'identityProviders'
    | 'issuesTokens'
    | 'trustedIssuers'
    | 'file'
    | 'workers'
    | 'warnings'
  >,
): GatehouseConfig {
  return {
    productionMode: values.PROD_MODE,
    publicUrl: values.PROXY_BASE_URL.origin,
    listen: values.LISTEN_ADDR ?? defaultListenAddress(values.PROXY_BASE_URL),
    certificate: pairOf(values.TLS_CERT_FILE, values.TLS_KEY_FILE),
    allowedHosts: values.ALLOWED_HOSTS,
    fastLane: values.FAST_LANE,
    sessionBinding: values.SESSION_BINDING,
    metricsListen: values.METRICS_ADDR,
    streams: {
      keepAliveSeconds: values.SSE_KEEPALIVE_INTERVAL,
      idleSeconds: values.STREAM_IDLE_TIMEOUT,
    },
    tcpKeepAliveSeconds: values.TCP_KEEPALIVE_INTERVAL,
    identityRecheck: { mode: values.IDENTITY_RECHECK, graceSeconds: values.IDENTITY_RECHECK_GRACE },
    sealing: assembleSealing(values),
    store: assembleStore(values),
    registration: {
      enabled: values.CLIENT_REGISTRATION,
      ttlSeconds: values.CLIENT_REGISTRATION_TTL,
      privateUseSchemes: values.ALLOWED_REDIRECT_SCHEMES,
    },
    clientDocuments: values.CIMD
      ? {
          allowedHosts: values.CIMD_ALLOWED_HOSTS,
          deniedHosts: values.CIMD_DENIED_HOSTS,
          allowLoopback: values.CIMD_ALLOW_LOOPBACK,
        }
      : undefined,
    introspectionClients: values.INTROSPECTION_CLIENTS,
    tokens: {
      refreshWindowSeconds: values.REFRESH_RACE_GRACE_SEC,
      grantLifetimeSeconds: values.GRANT_LIFETIME,
      accessTokenTtlSeconds: values.ACCESS_TOKEN_TTL,
      revokeBefore: values.REVOKE_BEFORE,
    },
    renderConsentPage: values.RENDER_CONSENT_PAGE,
    proofNonces: values.DPOP_NONCE,
    deviceAuthorization: values.DEVICE_AUTHORIZATION,
    accountPage: values.ACCOUNT_PAGE,
    limits: {
      enabled: values.RATE_LIMIT_ENABLED,
      perSubjectConcurrency: values.MCP_PER_SUBJECT_CONCURRENCY,
      perSubjectStreams: values.MCP_PER_SUBJECT_STREAMS,
      tokenCacheEntries: values.TOKEN_CACHE_ENTRIES,
      connectionsPerAddress: values.MAX_CONNECTIONS_PER_ADDRESS,
      connections: values.MAX_CONNECTIONS,
      trustedProxyCidrs: values.TRUSTED_PROXY_CIDRS,
      trustedProxyHeader: values.TRUSTED_PROXY_HEADER,
      // Whoever lists the proxies has said which peers to believe.
      trustEveryProxy: values.TRUST_PROXY_HEADERS && values.TRUSTED_PROXY_CIDRS.length === 0,
    },
    logging: {
      level: values.LOG_LEVEL,
      accessLogSkip: values.ACCESS_LOG_SKIP_RE,
      rpcPeekMaxBytes: values.MCP_LOG_BODY_MAX,
    },
    toolMetrics: {
      enabled: values.MCP_TOOL_METRICS,
      maxCardinality: values.MCP_TOOL_METRICS_MAX_CARDINALITY,
    },
    shutdownTimeoutSeconds: values.SHUTDOWN_TIMEOUT,
    shutdownDelaySeconds: values.SHUTDOWN_DELAY,
    ...others,
  };
}

function assembleSealing(values: SettingValues): GatehouseConfig['sealing'] {
  if (values.SIGNING_KEYS_FILE !== undefined) return { kind: 'key-file', path: values.SIGNING_KEYS_FILE };
  const { TOKEN_SIGNING_SECRET: active, TOKEN_SIGNING_SECRETS_PREVIOUS: previous } = values;
  // One of the two is set where something is sealed: findCombinedProblems has seen to it.
  return active === undefined ? { kind: 'none' } : { kind: 'secrets', secrets: [active, ...previous] };
}

function assembleStore(values: SettingValues): GatehouseConfig['store'] {
  const connection = assembleRedis(values);
  if (connection !== undefined) return { kind: 'redis', connection, keyPrefix: values.REDIS_KEY_PREFIX };
  const path = values.STORE_PATH ?? defaultStorePath;
  if (path === ':memory:') return { kind: 'memory' };
  return { kind: 'sqlite', path, synchronous: values.STORE_SYNCHRONOUS };
}
