import type { MountConfig } from './config.ts';
import { identifyResource } from './resource-identifier.ts';

type LoggingIn = Pick<MountConfig, 'accepts' | 'identityProviders'>;

/**
 * The identity providers whose people may be let in, in their order: the first is whose subjects and groups rules name
 * without an issuer. None for a mount that takes the tokens of somebody else: nobody logs in for it.
 */
export function findProvidersOf<Provider extends { readonly name: string }>(
  { accepts, identityProviders: names }: LoggingIn,
  all: readonly Provider[],
): readonly Provider[] {
  return accepts === undefined ? all.filter(({ name }) => names?.includes(name) ?? true) : [];
}

/** The trusted issuers whose assertions are good for the mount. None where it takes the tokens of somebody else. */
export function findTrustedIssuersOf<Trusted extends { readonly resources?: readonly string[] | undefined }>(
  mount: Omit<MountConfig, 'policy'>,
  all: readonly Trusted[],
): readonly Trusted[] {
  const identifier = identifyResource(mount);
  return all.filter(
    ({ resources }) => mount.accepts === undefined && (resources?.includes(identifier) ?? true),
  );
}
