import { describeUnreadable } from '../../../platform/files/unreadable-file.ts';
import {
  findRedirectUriProblem,
  isAllowableScheme,
  parseRedirectUri,
  type RedirectUri,
} from '../../../protocol/redirect-uri.ts';
import { offlineAccess } from '../../../protocol/scope.ts';
import type { ConfiguredClient } from '../../../services/clients/configured-clients.ts';
import { parseKeySet } from '../../../services/clients/key-set.ts';
import { identifyResource } from '../resource-identifier.ts';
import type { ConfigWarning, MountConfig } from '../config.ts';
import type { ReadFile } from '../read-settings.ts';
import { type ConfigProblem, ValueProblem } from '../setting.ts';
import { type ClientEntry, findGoodClients, grantTypesOf } from './clients-section.ts';
import type { GivenConfig } from './given-file.ts';
import { listMountNames } from './mount-names.ts';

export interface ClientsReading {
  readonly clients: readonly ConfiguredClient[];
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigWarning[];
  /** That have keys of clients. */
  readonly files: readonly string[];
}

/** The key that a problem is about, and what is wrong. */
type Complaint = readonly [key: keyof ClientEntry, problem: string, fix: string];

interface Known {
  readonly mounts: readonly MountConfig[];
  readonly readFile: ReadFile;
}

/** The clients of the file. */
export function readClients(
  given: Pick<GivenConfig, 'raw' | 'locate'>,
  mounts: readonly MountConfig[],
  readFile: ReadFile,
): ClientsReading {
  const problems: ConfigProblem[] = [];
  const seen = new Set<string>();
  const mountNames = listMountNames(given, mounts);
  const clients = findGoodClients(given.raw['clients']).flatMap(([index, entry]) => {
    const complaints: Complaint[] = [...findProblems(entry, mountNames)];
    if (seen.has(entry.client_id)) {
      complaints.push(['client_id', 'is that of another client', 'give each client an id of its own']);
    }
    seen.add(entry.client_id);
    const client = complaints.length > 0 ? undefined : assemble(entry, { mounts, readFile }, complaints);
    problems.push(
      ...complaints.map(([key, problem, fix]) =>
        given.locate({ path: ['clients', index, key], problem, fix }),
      ),
    );
    return client === undefined || complaints.length > 0 ? [] : [client];
  });
  const files = findGoodClients(given.raw['clients']).flatMap(([, { jwks_file: file }]) => file ?? []);
  return { clients, problems, warnings: findUselessScopes(clients, mounts), files };
}

/** Scopes that no mount of the client has: a typing error takes away what was meant. */
function findUselessScopes(
  clients: readonly ConfiguredClient[],
  mounts: readonly MountConfig[],
): readonly ConfigWarning[] {
  return clients.flatMap(({ clientId, scope = [], resources }) => {
    const its = mounts.filter(
      (mount) => mount.accepts === undefined && (resources?.includes(identifyResource(mount)) ?? true),
    );
    const known = new Set(its.flatMap(({ scopes }) => scopes.declared.map(({ name }) => name)));
    const useless = scope.filter((name) => name !== offlineAccess && !known.has(name));
    if (useless.length === 0) return [];
    const message = `client ${clientId} may have ${useless.join(' ')}, which no mount has that it gets tokens for`;
    return [{ event: 'client_scope_unknown', message }];
  });
}

/** What must hold between the keys of a client, and between them and the mounts. */
function findProblems(entry: ClientEntry, mountNames: ReadonlySet<string>): readonly Complaint[] {
  const { token_endpoint_auth_method: method, client_secret_sha256: hashes, redirect_uris: uris } = entry;
  const found: Complaint[] = [];
  const needsSecret = method === 'client_secret_basic' || method === 'client_secret_post';
  if (needsSecret !== (hashes !== undefined)) {
    const fix = needsSecret ? 'write the hash of its secret' : 'remove it, or write client_secret_basic';
    const problem = needsSecret
      ? 'is missing, and the client has a secret'
      : 'is there, and the client has no secret';
    found.push(['client_secret_sha256', problem, fix]);
  }
  const sources = (['jwks', 'jwks_file', 'jwks_uri'] as const).filter((key) => entry[key] !== undefined);
  if (sources.length !== (method === 'private_key_jwt' ? 1 : 0)) {
    const fix = 'write one of jwks, jwks_file and jwks_uri with private_key_jwt, and none without it';
    found.push([sources.at(-1) ?? 'token_endpoint_auth_method', 'does not go with its other keys', fix]);
  }
  const types = grantTypesOf(entry);
  if (types.includes('authorization_code') !== uris.length > 0) {
    const fix = 'redirect_uris and the grant type authorization_code belong together';
    found.push([uris.length > 0 ? 'grant_types' : 'redirect_uris', 'does not go with its other keys', fix]);
  }
  if (types.includes('client_credentials') && method === 'none') {
    const fix = 'give it a secret or a key: anybody could be a client without one';
    found.push(['token_endpoint_auth_method', 'is none, and the client acts for itself', fix]);
  }
  if (entry.mounts?.some((name) => !mountNames.has(name)) === true) {
    found.push(['mounts', 'names a mount that is not there', 'write names of the section mounts']);
  }
  const wrong = uris.flatMap((uri) => findRedirectUriProblem(uri, rulesFor(uri))?.text ?? []);
  if (wrong[0] !== undefined) found.push(['redirect_uris', 'has an entry that is not accepted', wrong[0]]);
  return found;
}

function assemble(
  entry: ClientEntry,
  { mounts, readFile }: Known,
  complaints: Complaint[],
): ConfiguredClient | undefined {
  try {
    return {
      clientId: entry.client_id,
      name: entry.name,
      redirectUris: entry.redirect_uris.map((uri): RedirectUri => parseRedirectUri(uri, rulesFor(uri))),
      authentication: assembleAuthentication(entry, readFile),
      grantTypes: grantTypesOf(entry),
      ...(entry.mounts === undefined ? {} : { resources: identifiersOf(entry.mounts, mounts) }),
      ...(entry.scopes === undefined ? {} : { scope: entry.scopes }),
    };
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    complaints.push([entry.jwks === undefined ? 'jwks_file' : 'jwks', error.problem, error.fix]);
    return undefined;
  }
}

function identifiersOf(names: readonly string[], mounts: readonly MountConfig[]): readonly string[] {
  const named = mounts.filter(({ name }) => names.includes(name));
  return named.map((mount) => identifyResource(mount));
}

/** Whoever writes the URI of an app into the file has allowed its scheme for this client. */
function rulesFor(uri: string): { readonly privateUseSchemes: readonly string[] } {
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(uri)?.[1] ?? '';
  return { privateUseSchemes: isAllowableScheme(scheme) ? [scheme] : [] };
}

type Authentication = ConfiguredClient['authentication'];
type Keys = Extract<Authentication, { readonly method: 'private_key_jwt' }>['keys'];

function assembleAuthentication(entry: ClientEntry, readFile: ReadFile): Authentication {
  const { token_endpoint_auth_method: method, client_secret_sha256: secretHashes = [] } = entry;
  switch (method) {
    case 'none':
      return { method };
    case 'client_secret_basic':
    case 'client_secret_post':
      return { method, secretHashes };
    case 'private_key_jwt':
      return { method, keys: readKeys(entry, readFile) };
  }
}

/** @throws ValueProblem */
function readKeys({ jwks, jwks_file: file, jwks_uri: url }: ClientEntry, readFile: ReadFile): Keys {
  if (url !== undefined) return { kind: 'address', url };
  const set = jwks ?? readJson(file ?? '', readFile);
  const reading = parseKeySet(set);
  if (reading.outcome === 'read') return { kind: 'set', jwks: set };
  throw new ValueProblem(
    `names a key set that ${reading.problem}`,
    'write {"keys": [...]} with a public EC P-256, Ed25519 or RSA key of 2048 bits or more',
  );
}

function readJson(path: string, readFile: ReadFile): unknown {
  try {
    return JSON.parse(readFile(path));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new ValueProblem('names a file that is not JSON', 'write a JWK set into it: {"keys": [...]}');
    }
    const { what, fix } = describeUnreadable(error);
    throw new ValueProblem(`names a file that ${what}`, fix);
  }
}
