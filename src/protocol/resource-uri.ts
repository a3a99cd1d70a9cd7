import { OAuthError } from './oauth-error.ts';

/**
 * A resource indicator's comparison form: lower-case scheme and host, default port dropped, trailing slashes of the
 * path dropped. Undefined for anything that is no absolute http(s) URI without query, fragment and user information.
 * @see RFC 8707 §2 and the MCP rules on canonical server URIs (revision 2026-07-28)
 */
export function canonicalResource(value: string): string | undefined {
  // WHATWG parsing silently drops tabs, newlines and edge blanks; a resource that needs that was never ours.
  if (!/^[\x21-\x7e]{1,2048}$/.test(value) || value.includes('\\') || !/^https?:\/\//i.test(value))
    return undefined;
  if (value.includes('#') || value.includes('?')) return undefined;
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return undefined;
  }
  if (url.username !== '' || url.password !== '') return undefined;
  return url.origin + url.pathname.replace(/\/+$/, '');
}

export interface ResourceSet {
  /** The authorization server's base URL; naming it means "the one resource behind you", as legacy clients do. */
  readonly issuer: string;
  /** The resource identifier of the mount: what tokens are bound to and what metadata publishes. */
  readonly resource: string;
}

/**
 * Resolves the `resource` parameters of a request to the one resource the token will be bound to. Absent means the
 * single resource there is, never "all".
 * @throws OAuthError `invalid_target`, reason `resource_mismatch`   @see RFC 8707 §2
 */
export function resolveResource(requested: readonly string[], known: ResourceSet): string {
  const accepted = new Set([canonicalResource(known.issuer), canonicalResource(known.resource)]);
  for (const value of requested) {
    const canonical = canonicalResource(value);
    if (canonical === undefined || !accepted.has(canonical)) {
      throw new OAuthError('invalid_target', 'The requested resource is not served here', {
        reason: 'resource_mismatch',
      });
    }
  }
  return known.resource;
}
