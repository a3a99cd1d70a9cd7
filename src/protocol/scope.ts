import { OAuthError } from './oauth-error.ts';

const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const maxScopeLength = 1024;

/**
 * Reads a scope parameter and narrows it to what can be granted; unknown scopes are dropped, as clients ask for
 * whatever the metadata of some other server listed. Absent means all that is grantable.
 * @throws OAuthError `invalid_scope`, reason `scope_invalid`   @see RFC 6749 §3.3
 */
export function narrowScope(requested: string | undefined, grantable: readonly string[]): readonly string[] {
  if (requested === undefined) return grantable;
  const tokens = requested.split(' ').filter((token) => token !== '');
  if (requested.length > maxScopeLength || !tokens.every((token) => scopeToken.test(token))) {
    throw new OAuthError('invalid_scope', 'scope is malformed', { reason: 'scope_invalid' });
  }
  return grantable.filter((scope) => tokens.includes(scope));
}
