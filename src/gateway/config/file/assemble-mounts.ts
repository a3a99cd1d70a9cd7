import type { ConfigWarning, MountConfig } from '../config.ts';
import { identifyResource } from '../resource-identifier.ts';
import { assembleMount } from '../mount-config.ts';
import type { ReadFile } from '../read-settings.ts';
import type { SettingValues } from '../schema.ts';
import type { ConfigProblem } from '../setting.ts';
import { pairOf } from '../tls-posture.ts';
import { assembleAccepts } from './assemble-accepts.ts';
import type { GivenConfig } from './given-file.ts';
import { findMountProblems, findMountWarnings } from './mount-posture.ts';
import { listSecretFiles, type MountSecrets, readMountSecrets } from './mount-secrets.ts';
import { findGoodMounts, type MountEntry } from './mounts-section.ts';
import { findUnlikelyValues } from './unlikely-values.ts';

export interface MountsReading {
  /** In the order of the file. */
  readonly mounts: readonly MountConfig[];
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigWarning[];
  /** Files with secrets that were read. */
  readonly secretFiles: readonly string[];
}

/**
 * The mounts of the file, what one does not say coming from the settings; or the one that the settings describe.
 * @param values a variable with a problem of its own is missing
 */
export function readMounts(
  given: Pick<GivenConfig, 'raw' | 'problems' | 'locate'>,
  values: Partial<SettingValues>,
  readFile: ReadFile,
): MountsReading {
  if (given.raw['mounts'] !== undefined) return readListedMounts(given, values, readFile);
  const isUnset = Object.hasOwn(values, 'UPSTREAM_MCP_URL') && values.UPSTREAM_MCP_URL === undefined;
  // A file with a problem may be the one that has the mounts.
  const problems = isUnset && given.problems.length === 0 ? [upstreamUnset] : [];
  const { UPSTREAM_MCP_URL: upstream, PROXY_BASE_URL: issuer } = values;
  const isComplete = upstream !== undefined && issuer !== undefined;
  const mounts = isComplete ? [assembleMount(values as SettingValues, upstream)] : [];
  return { mounts, problems, warnings: [], secretFiles: [] };
}

const upstreamUnset: ConfigProblem = {
  variable: 'UPSTREAM_MCP_URL',
  problem: 'is not set',
  fix: 'set it to the MCP endpoint to protect, such as http://127.0.0.1:3000/mcp, or write mounts into a file that GATEHOUSE_CONFIG names',
};

function readListedMounts(
  given: Pick<GivenConfig, 'raw' | 'locate'>,
  values: Partial<SettingValues>,
  readFile: ReadFile,
): MountsReading {
  const listed = findGoodMounts(given.raw['mounts']);
  const problems = [
    ...findSettingsOfOneMount(values),
    ...findUselessTls(listed, values),
    ...findMountProblems(listed, values).map((problem) => given.locate(problem)),
  ];
  const mounts = listed.flatMap(([index, entry]) => {
    const secrets = readMountSecrets(index, entry, readFile);
    problems.push(...secrets.problems.map((problem) => given.locate(problem)));
    // Without it there is a problem, and nobody asks for mounts.
    if (values.PROXY_BASE_URL === undefined) return [];
    const mount = assemble(entry, secrets, listed.length === 1, values as SettingValues);
    const resource = identifyResource(mount);
    const accepts = assembleAccepts(entry.accepts, ['mounts', index, 'accepts'], resource, readFile);
    problems.push(...accepts.problems.map((problem) => given.locate(problem)));
    return [{ ...mount, accepts: accepts.authority }];
  });
  const entries = listed.map(([, entry]) => entry);
  return {
    mounts,
    problems,
    warnings: [...findMountWarnings(entries), ...findUnlikelyValues(entries)],
    secretFiles: entries.flatMap(listSecretFiles),
  };
}

/** Settings that mean one mount: which of those in the file would be anybody's guess, or all of them. */
const settingsOfOneMount = {
  UPSTREAM_MCP_URL: 'unset it, or remove the mounts from the file: they take its place',
  // All upstreams would see the credential of one.
  UPSTREAM_AUTHORIZATION_HEADER:
    'unset it, and name its file as upstream_authorization_file of the mount that it is for',
  MCP_RESOURCE_NAME: 'unset it, and write it as title of the mount that it is for',
} as const;

function findSettingsOfOneMount(values: Partial<SettingValues>): ConfigProblem[] {
  const read: Readonly<Record<string, unknown>> = values;
  return Object.entries(settingsOfOneMount)
    .filter(([variable]) => read[variable] !== undefined)
    .map(([variable, fix]) => ({ variable, problem: 'is set, and the configuration file has mounts', fix }));
}

/** What is not used protects nothing. */
function findUselessTls(
  listed: ReturnType<typeof findGoodMounts>,
  values: Partial<SettingValues>,
): ConfigProblem[] {
  if (listed.some(([, { upstream }]) => upstream.origin.startsWith('https:'))) return [];
  return (['UPSTREAM_CA_FILE', 'UPSTREAM_CLIENT_CERT_FILE'] as const)
    .filter((variable) => listed.length > 0 && values[variable] !== undefined)
    .map((variable) => ({
      variable,
      problem: 'is set, and no upstream is https',
      fix: 'write https there, or unset it: what is not used protects nothing',
    }));
}

function assemble(
  entry: MountEntry,
  { authorization, headers }: MountSecrets,
  isOnly: boolean,
  values: SettingValues,
): MountConfig {
  const { name, url, upstream, timeouts = {} } = entry;
  const { forward = [], set = {} } = entry.request_headers;
  const usual = assembleMount(values, upstream);
  return {
    ...usual,
    name,
    publicOrigin: url.origin ?? usual.publicOrigin,
    path: url.path,
    ...(url.isWildcard ? { labels: entry.labels ?? 'any' } : {}),
    isDefault: entry.default || (isOnly && !url.isWildcard),
    title: entry.title,
    upstream: {
      ...usual.upstream,
      authorization,
      connectTimeoutSeconds: timeouts.connect ?? usual.upstream.connectTimeoutSeconds,
      headerTimeoutSeconds: timeouts.headers ?? usual.upstream.headerTimeoutSeconds,
      idleTimeoutSeconds: timeouts.idle ?? usual.upstream.idleTimeoutSeconds,
      tls: assembleTls(entry, usual.upstream.tls),
      maxBodyBytes: entry.max_body_bytes ?? usual.upstream.maxBodyBytes,
    },
    headers: {
      forward: lowerCase(forward),
      set: [...Object.entries(set), ...headers].map(([header, value]) => [header.toLowerCase(), value]),
      drop: lowerCase(entry.response_headers.remove ?? []),
      identity: entry.identity_headers,
    },
    allowedOrigins: entry.allowed_origins ?? usual.allowedOrigins,
    scopes: entry.scopes,
    identityProviders: entry.identity_providers,
    dpop: entry.dpop ?? usual.dpop,
    entry: entry.entry,
    policy: entry.policy,
    ...(entry.forward_token ? { forwardsToken: true } : {}),
  };
}

type UpstreamTls = MountConfig['upstream']['tls'];

function assembleTls({ upstream, tls }: MountEntry, usual: UpstreamTls): UpstreamTls {
  if (upstream.origin.startsWith('http:')) return { caFile: undefined, certificate: undefined };
  return {
    caFile: tls?.ca_file ?? usual.caFile,
    certificate: pairOf(tls?.certificate_file, tls?.key_file) ?? usual.certificate,
  };
}

function lowerCase(names: readonly string[]): readonly string[] {
  return names.map((name) => name.toLowerCase());
}
