import { OAuthError } from './oauth-error.ts';

/** The scopes of one protected resource, as far as rules about them need to know. */
export interface ScopeVocabulary {
  readonly declared: readonly ScopeDefinition[];
  /** What a request that names none is about. */
  readonly defaults: readonly string[];
}

export interface ScopeDefinition {
  readonly name: string;
  /** Whoever has this one has these as well, directly. */
  readonly includes: readonly string[];
}

/**
 * Asks for a refresh token and for nothing that the resource has. Everybody gets one here, asked for or not; whoever asked
 * is told that it was granted.   @see OpenID Connect Core §11, MCP 2026-07-28 "Refresh Tokens"
 */
export const offlineAccess = 'offline_access';

// Clients that find no scopes in metadata ask for those of OpenID Connect. They name nothing that a resource has.
const openIdScopes = new Set([offlineAccess, 'openid', 'profile', 'email', 'address', 'phone', 'groups']);

const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const maxScopeLength = 1024;

/** Whether a scope may be called this. @see RFC 6749 §3.3 */
export function isScopeToken(name: string): boolean {
  return scopeToken.test(name) && name.length <= 256;
}

/**
 * What an authorization request is about, in the order of the declaration. Names that the resource does not have are left
 * out, as clients ask for whatever the metadata of some other server listed; with none left that it has, the request is
 * refused. Nothing named: the defaults. A resource without scopes: none, whatever is asked.
 * @throws OAuthError `invalid_scope`, reasons `scope_invalid`, `scope_unknown`   @see RFC 6749 §3.3
 */
export function requestScope(requested: string | undefined, known: ScopeVocabulary): readonly string[] {
  const named = parseScope(requested);
  const offline = named.filter((name) => name === offlineAccess);
  const found = known.declared.map(({ name }) => name).filter((name) => named.includes(name));
  if (found.length > 0 || known.declared.length === 0) return [...found, ...offline];
  if (named.some((name) => !openIdScopes.has(name))) {
    throw new OAuthError('invalid_scope', 'None of the requested scopes exists here', {
      reason: 'scope_unknown',
    });
  }
  return [...known.defaults, ...offline];
}

/**
 * What an access token made by a refresh is good for: all that was granted, or the part of it that is asked for. Names
 * that the resource does not have are left out, as they were when it was granted.
 * @throws OAuthError `invalid_scope`, reasons `scope_invalid`, `scope_exceeded`   @see RFC 6749 §6
 */
export function narrowGranted(
  requested: string | undefined,
  granted: readonly string[],
  known: Pick<ScopeVocabulary, 'declared'>,
): readonly string[] {
  const named = parseScope(requested);
  // A grant without scopes has nothing to widen. Clients repeat the scope they once asked for, and dropping it here
  // as it was dropped then keeps them logged in.
  if (granted.every((name) => name === offlineAccess)) return granted;
  const permitted = expandScope(granted, known);
  const meant = named.filter((name) => !openIdScopes.has(name) || permitted.has(name));
  if (meant.length === 0) return granted;
  const narrowed = [...permitted].filter((name) => meant.includes(name));
  const exceeds = meant.some((name) => !permitted.has(name) && isDeclared(name, known));
  if (exceeds || narrowed.length === 0) {
    throw new OAuthError('invalid_scope', 'The requested scope exceeds what was granted', {
      reason: 'scope_exceeded',
    });
  }
  return narrowed;
}

/** What a scope is worth: itself and all that it includes, directly or not. */
export function expandScope(
  scope: readonly string[],
  { declared }: Pick<ScopeVocabulary, 'declared'>,
): ReadonlySet<string> {
  const found = new Set(scope);
  // A set hands out what is added while it is gone through.
  for (const name of found) {
    for (const included of declared.find((definition) => definition.name === name)?.includes ?? [])
      found.add(included);
  }
  return found;
}

/**
 * What to ask for so that nothing of the present scope is lost: clients of 2025 take the answer for the whole.
 * In the order of the declaration: the same call hears the same text, by which clients notice that they go in circles.
 * @see MCP 2026-07-28 "Scope Challenge Handling"
 */
export function uniteScope(
  present: readonly string[],
  needed: readonly string[],
  { declared }: Pick<ScopeVocabulary, 'declared'>,
): readonly string[] {
  return declared.map(({ name }) => name).filter((name) => present.includes(name) || needed.includes(name));
}

/** A scope that leads back to itself, if there is one: the names on the way. */
export function findScopeCycle(declared: readonly ScopeDefinition[]): readonly string[] | undefined {
  const byName = new Map(declared.map((definition) => [definition.name, definition]));
  const settled = new Set<string>();
  function visit(name: string, path: readonly string[]): readonly string[] | undefined {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (settled.has(name)) return undefined;
    for (const included of byName.get(name)?.includes ?? []) {
      const cycle = visit(included, [...path, name]);
      if (cycle !== undefined) return cycle;
    }
    settled.add(name);
    return undefined;
  }
  for (const { name } of declared) {
    const cycle = visit(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function parseScope(value: string | undefined): readonly string[] {
  const tokens = (value ?? '').split(' ').filter((token) => token !== '');
  if ((value ?? '').length > maxScopeLength || !tokens.every((token) => scopeToken.test(token))) {
    throw new OAuthError('invalid_scope', 'scope is malformed', { reason: 'scope_invalid' });
  }
  return [...new Set(tokens)];
}

function isDeclared(name: string, { declared }: Pick<ScopeVocabulary, 'declared'>): boolean {
  return declared.some((definition) => definition.name === name);
}
