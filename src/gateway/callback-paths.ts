import type { GatehouseConfig } from './config/config.ts';

/**
 * Where an identity provider answers. Each of several has a path of its own: an answer that says nothing of its issuer
 * could be anybody's otherwise.   @see RFC 9700 §4.4.2
 */
export function callbackPathOf(
  { identityProviders }: Pick<GatehouseConfig, 'identityProviders'>,
  { name }: { readonly name: string },
): string {
  return identityProviders.length === 1 ? '/callback' : `/callback/${name}`;
}
