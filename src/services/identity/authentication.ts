import type { Claims } from './claims.ts';
import type { Authentication } from './identity-provider.ts';

// They travel in every token of the person.
const maxClassLength = 256;
const maxMethods = 16;
const methodSyntax = /^[\x21-\x7e]{1,64}$/;

/**
 * How somebody logged in. What is malformed counts as not said: rules that ask for it refuse then.
 * @see OpenID Connect Core §2, RFC 8176
 */
export function readAuthentication(claims: Claims): Authentication {
  const { acr, amr, auth_time: at } = claims;
  const isClass = typeof acr === 'string' && acr !== '' && acr.length <= maxClassLength;
  return {
    ...(isClass ? { acr } : {}),
    ...(isMethods(amr) ? { amr } : {}),
    ...(typeof at === 'number' && Number.isSafeInteger(at) && at >= 0 ? { authenticatedAt: at } : {}),
  };
}

function isMethods(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxMethods) return false;
  return value.every((method) => typeof method === 'string' && methodSyntax.test(method));
}
