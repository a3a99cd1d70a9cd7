import type { DpopMode } from '../dpop/dpop-mode.ts';

/**
 * A protected resource: one MCP server as the world sees it. Each mount is one; a token is good for one alone.
 * @see RFC 9728 §1.2, RFC 8707 §2
 */
export interface ProtectedResource {
  /** What tokens are bound to and metadata publishes: scheme, host and path, no trailing slash. */
  readonly identifier: string;
  /** Name of the mount that it is, or is one of. Absent: it has none. */
  readonly mount?: string;
  /** What rules and clients of the operator know it by, where it is one of many alike. Absent: its identifier. */
  readonly family?: string;
  /** Absolute URL of its metadata document (RFC 9728 §3.1). */
  readonly metadataUrl: string;
  /** For people: on the consent page and in the metadata. */
  readonly title: string | undefined;
  readonly scopes: ScopeRules;
  /** Names of the identity providers whose people may be let in. Absent: every one there is. */
  readonly identityProviders?: readonly string[] | undefined;
  /** Whether its tokens are bound to a key of the client. Absent: never. */
  readonly dpop?: DpopMode;
}

/** The scopes that a resource declares. None: every token is good for all of it. */
export interface ScopeRules {
  /** In the order of the configuration. What they include is declared, too, and no scope leads back to itself. */
  readonly declared: readonly DeclaredScope[];
  /** What a request that names no scope is about, and what metadata and challenges tell clients to ask for at first. */
  readonly defaults: readonly string[];
  /** What every call needs. The defaults reach that far. */
  readonly required: readonly string[];
}

export interface DeclaredScope {
  readonly name: string;
  /** For the consent page. */
  readonly description: string | undefined;
  /** Scopes that whoever has this one has as well, directly. */
  readonly includes: readonly string[];
}

export const noScopes: ScopeRules = { declared: [], defaults: [], required: [] };
