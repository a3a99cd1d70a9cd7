import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Resources } from '../../services/resources/resources.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';

/**
 * Checks that a token request names nothing but the resource of the grant. None named means that one.
 * @throws OAuthError `invalid_target`, reason `resource_mismatch`   @see RFC 8707 §2.2
 */
export function checkResource(
  requested: readonly string[],
  granted: Pick<GrantTerms, 'resource'>,
  resources: Pick<Resources, 'resolve'>,
): void {
  if (requested.length === 0 || resources.resolve(requested).identifier === granted.resource) return;
  throw new OAuthError('invalid_target', 'The grant is for another resource', {
    reason: 'resource_mismatch',
  });
}
