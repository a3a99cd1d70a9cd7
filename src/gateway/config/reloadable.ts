import { isDeepStrictEqual } from 'node:util';

import { demandAsLoginsDo } from '../../services/identity/assertions/trusted-issuer.ts';
import { identifyResource } from './resource-identifier.ts';
import type { GatehouseConfig } from './config.ts';
import { ConfigError } from './setting.ts';
import { findEntryProblems } from './entry-posture.ts';
import { findTrustedIssuerProblems } from './file/trusted-issuers-section.ts';
import { findUnverifiedEmail } from './unverified-email.ts';

/** Settings that are defaults of mounts, and so take effect with them. */
const ofMounts: ReadonlySet<string> = new Set([
  'UPSTREAM_HEADER_TIMEOUT',
  'UPSTREAM_CONNECT_TIMEOUT',
  'UPSTREAM_IDLE_TIMEOUT',
  'UPSTREAM_CA_FILE',
  'UPSTREAM_CLIENT_CERT_FILE',
  'UPSTREAM_CLIENT_KEY_FILE',
  'MAX_BODY_BYTES',
  'ALLOWED_ORIGINS',
  'DPOP',
]);

/**
 * What a process that started with `initial` can go over to: what is not named here stays what it was at the start.
 * @throws ConfigError when what cannot change is what mounts are made of
 */
export function joinConfigs(initial: GatehouseConfig, next: GatehouseConfig): GatehouseConfig {
  if (next.publicUrl !== initial.publicUrl) {
    const fix = 'restart for it: every token and every URL that was published is bound to it';
    throw new ConfigError([{ variable: 'PROXY_BASE_URL', problem: 'is not what it was at the start', fix }]);
  }
  refuseUnknownProviders(initial, next);
  refuseTokensOfOurs(initial, next);
  refuseOthersTokens(initial, next);
  const { mounts, clients, entry, file, warnings } = next;
  // By the demands of the providers that there are, not of those that wait for a restart.
  const trustedIssuers = demandAsLoginsDo(next.trustedIssuers, initial.identityProviders);
  const joined = { ...initial, mounts, clients, trustedIssuers, entry, file, warnings };
  // What the file says of this now holds after a restart alone.
  const problems = [
    ...findUnverifiedEmail(joined),
    ...findEntryProblems(joined),
    ...findTrustedIssuerProblems(joined),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return joined;
}

/** A mount for the people of a provider that waits for a restart would be for nobody, or for others. */
function refuseUnknownProviders(initial: GatehouseConfig, next: GatehouseConfig): void {
  const known = initial.identityProviders.map(({ name }) => name);
  const isKnown = (name: string): boolean => known.includes(name);
  if (next.mounts.every(({ identityProviders = [] }) => identityProviders.every(isKnown))) return;
  const problem = 'has one that a mount names, and that was not there at the start';
  const fix = 'restart for it: identity providers are read at the start alone';
  throw new ConfigError([{ variable: 'identity_providers', problem, fix }]);
}

/** Whoever started without an authorization server has none to give out the tokens that such a mount takes. */
function refuseTokensOfOurs(initial: GatehouseConfig, next: GatehouseConfig): void {
  const mount = next.mounts.findIndex(({ accepts }) => accepts === undefined);
  if (initial.issuesTokens || mount === -1) return;
  const problem =
    'takes tokens of ours, and this server started with mounts that take those of other issuers alone';
  const fix = 'restart for it, or write accepts for it';
  throw new ConfigError([{ variable: `mounts[${mount}]`, problem, fix }]);
}

/**
 * Resource servers stay those of the start, and names of mounts change at once: between the two a resource server would be
 * told of tokens of a mount that took the name of the one it may ask about.
 */
function refuseOthersTokens(initial: GatehouseConfig, next: GatehouseConfig): void {
  const [before, after] = [initial, next].map(
    ({ mounts }) => new Map(mounts.map((mount) => [mount.name, identifyResource(mount)])),
  );
  const moved = initial.introspectionClients
    .flatMap(({ mounts = [] }) => mounts)
    .find((name) => after?.has(name) === true && after.get(name) !== before?.get(name));
  if (moved === undefined) return;
  const problem = `names the mount ${moved}, which is at another URL than at the start`;
  const fix = 'restart for it: resource servers are read at the start alone';
  throw new ConfigError([{ variable: 'INTROSPECTION_CLIENTS', problem, fix }]);
}

/** Sections of the file that are read at the start alone. */
const lateSections = {
  identity_providers: 'identityProviders',
} as const satisfies Readonly<Record<string, keyof GatehouseConfig>>;

/** Variables and sections of which the file says something else than at the start, and that wait for a restart. */
export function listLate(initial: GatehouseConfig, next: GatehouseConfig): readonly string[] {
  const [before, after] = [initial.file?.settings ?? {}, next.file?.settings ?? {}];
  const settings = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => before[name] !== after[name] && !ofMounts.has(name),
  );
  const sections = Object.entries(lateSections)
    .filter(([, key]) => !isDeepStrictEqual(initial[key], next[key]))
    .map(([section]) => section);
  return [...settings.toSorted(), ...sections];
}
