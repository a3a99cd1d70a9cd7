import type { ConfigWarning, MountConfig } from '../config.ts';
import { assembleMount } from '../mount-config.ts';
import { type ReadFile, readSecretText } from '../read-settings.ts';
import { settings, type SettingValues } from '../schema.ts';
import { type ConfigProblem, ValueProblem } from '../setting.ts';
import { pairOf } from '../tls-posture.ts';
import type { GivenConfig } from './given-file.ts';
import { findMountProblems, findMountWarnings } from './mount-posture.ts';
import { findGoodMounts, type MountEntry } from './mounts-section.ts';

export interface MountsReading {
  /** In the order of the file. */
  readonly mounts: readonly MountConfig[];
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigWarning[];
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
  return { mounts, problems, warnings: [] };
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
    ...findMountProblems(listed, values).map((problem) => given.locate(problem)),
  ];
  const mounts = listed.flatMap(([index, entry]) => {
    try {
      const authorization = readAuthorization(entry.upstream_authorization_file, readFile);
      // Without it there is a problem, and nobody asks for mounts.
      if (values.PROXY_BASE_URL === undefined) return [];
      return [assemble(entry, values as SettingValues, { authorization, isOnly: listed.length === 1 })];
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      const path = ['mounts', index, 'upstream_authorization_file'];
      problems.push(given.locate({ path, problem: error.problem, fix: error.fix }));
      return [];
    }
  });
  return { mounts, problems, warnings: findMountWarnings(listed.map(([, entry]) => entry)) };
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

function assemble(
  entry: MountEntry,
  values: SettingValues,
  { authorization, isOnly }: { readonly authorization: string | undefined; readonly isOnly: boolean },
): MountConfig {
  const { name, url, upstream, timeouts = {} } = entry;
  const usual = assembleMount(values, upstream);
  return {
    ...usual,
    name,
    publicOrigin: url.origin ?? usual.publicOrigin,
    path: url.path,
    isDefault: entry.default || isOnly,
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
    allowedOrigins: entry.allowed_origins ?? usual.allowedOrigins,
    scopes: entry.scopes,
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

function readAuthorization(path: string | undefined, readFile: ReadFile): string | undefined {
  if (path === undefined) return undefined;
  const text = readSecretText(path, readFile, {
    unreadable: 'names a file that cannot be read',
    empty: 'names a file that is empty',
  });
  return settings.UPSTREAM_AUTHORIZATION_HEADER.parse(text);
}
