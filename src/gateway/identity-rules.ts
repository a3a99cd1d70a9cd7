import type { IdentityRules } from '../authorization-server/token/grant-type.ts';
import type { IdentityProviders } from '../services/identity/identity-providers.ts';
import type { Resources } from '../services/resources/resources.ts';

/** Who vouches for people today, and who of them may enter. */
export function createIdentityRules(
  providers: IdentityProviders,
  resources: Pick<Resources, 'find'>,
): Pick<IdentityRules, 'findProvider' | 'nameProvider' | 'admits'> {
  return {
    nameProvider: (issuer) => providers.findByIssuer(issuer)?.name,
    findProvider({ identityIssuer, resource }) {
      const own = providers.findByIssuer(identityIssuer);
      const isFitting = own !== undefined && providers.forResource(resources.find(resource)).includes(own);
      return isFitting ? own.provider : undefined;
    },
    admits(issuer, groups) {
      const own = providers.findByIssuer(issuer);
      // Of whom no identity provider here knows, the rule of each is asked: which was meant, nobody can say.
      return (own === undefined ? providers.all : [own]).every(({ provider }) => provider.admits(groups));
    },
  };
}
