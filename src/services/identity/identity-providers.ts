import type { ProtectedResource } from '../resources/resource.ts';
import type { IdentityProvider } from './identity-provider.ts';

/** One of the places where people log in, with what it is called here. */
export interface NamedProvider {
  /** Of the configuration: in its callback's path, in the sealed login, in logs. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** What it is asked for, as the consent page shows it. */
  readonly scopes: readonly string[];
  readonly provider: IdentityProvider;
}

/** What a resource says about where its people log in. */
type ProviderChoice = Pick<ProtectedResource, 'identityProviders'>;

/** Every place where people log in. Who somebody is, is issuer and subject: two of them share nobody. */
export interface IdentityProviders {
  /** In the order of the configuration. */
  readonly all: readonly NamedProvider[];
  /** Those at which people may log in for a resource. Undefined: one that is not served any more. */
  forResource(resource: ProviderChoice | undefined): readonly NamedProvider[];
  /** The one that vouches for these people. Undefined: none that there is now. */
  findByIssuer(issuer: string): NamedProvider | undefined;
}

export function createIdentityProviders(all: IdentityProviders['all']): IdentityProviders {
  return {
    all,
    forResource(resource) {
      const names = resource?.identityProviders;
      if (names !== undefined) return all.filter(({ name }) => names.includes(name));
      // What a resource that is gone had to say about several, nobody knows.
      return resource === undefined && all.length > 1 ? [] : all;
    },
    findByIssuer: (issuer) => all.find(({ provider }) => provider.issuer === issuer),
  };
}
