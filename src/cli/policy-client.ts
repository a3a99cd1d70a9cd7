import type { ConfigFile } from '../gateway/config/file/config-file.ts';
import { offlineAccess, expandScope } from '../protocol/scope.ts';
import { fingerprintClientId } from '../services/clients/client.ts';
import { CommandFailure } from './failure.ts';

type Mount = NonNullable<ConfigFile['mounts']>[0];

/** What the operator lets a client have of a mount. */
export interface ClientReach {
  /** The key that lets it have no token at all, and why. Undefined: it may have one. */
  readonly refusedBy: { readonly key: string; readonly why: string } | undefined;
  /** Of the scopes that were asked about, those that its tokens can have. */
  readonly scopes: readonly string[];
  /** The most it is ever granted. Undefined: whatever the mount has. */
  readonly obtainable: ReadonlySet<string> | undefined;
  /** Its client id, where it may act for itself and for no person. */
  readonly ownSubject: string | undefined;
}

/**
 * By its entry in the file, if it has one.
 * @param fingerprint of the client
 * @param asked scopes that its token is said to have
 */
export function judgeClient(
  { clients = [] }: Pick<ConfigFile, 'clients'>,
  mount: Mount,
  fingerprint: string,
  asked: readonly string[],
): ClientReach {
  const index = clients.findIndex(({ client_id: id }) => fingerprintClientId(id) === fingerprint);
  const client = clients[index];
  // Whose tokens another issuer gives out is not ours to say.
  if (client === undefined || mount.accepts !== undefined) {
    return { refusedBy: undefined, scopes: asked, obtainable: undefined, ownSubject: undefined };
  }
  const { mounts, scopes: limit } = client;
  const obtainable = limit && expandScope(limit, mount.scopes);
  const scopes = asked.filter((name) => obtainable?.has(name) ?? true);
  const ownSubject =
    client.grant_types?.includes('client_credentials') === true ? client.client_id : undefined;
  const isShut = obtainable !== undefined && mount.scopes.declared.every(({ name }) => !obtainable.has(name));
  const hasNone = mount.scopes.declared.length > 0 && (isShut || (asked.length > 0 && scopes.length === 0));
  const refusedBy =
    mounts?.includes(mount.name) === false
      ? { key: `clients[${index}].mounts`, why: 'the client gets no tokens for this mount' }
      : hasNone
        ? { key: `clients[${index}].scopes`, why: 'the client is granted none of these scopes' }
        : undefined;
  return { refusedBy, scopes, obtainable, ownSubject };
}

/** @throws CommandFailure when a scope is none that the mount has: a typing error would look like a refusal */
export function refuseUnknownScopes(asked: readonly string[], { accepts, scopes }: Mount): void {
  // What else the tokens of another issuer have is its own affair.
  if (accepts !== undefined) return;
  const known = scopes.declared.map(({ name }) => name);
  const unknown = asked.filter((name) => name !== offlineAccess && !known.includes(name));
  if (unknown.length === 0) return;
  throw new CommandFailure(
    `the mount has no scope ${unknown.join(' ')}`,
    known.length === 0 ? 'leave --scope out: it has none' : `it has: ${known.join(' ')}`,
  );
}
