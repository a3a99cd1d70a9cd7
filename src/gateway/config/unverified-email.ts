import type { GatehouseConfig } from './config.ts';
import { asksForEmail } from './file/policy-section.ts';
import { findProvidersOf, findTrustedIssuersOf } from './people-of-mount.ts';
import type { ConfigProblem } from './setting.ts';

/**
 * Policies that go by e-mail addresses where those that nobody verified are taken by what is in force: a setting, which a
 * reload does not change, or a trusted issuer. Whoever can write one into their profile there has the rights of whose it is.
 */
export function findUnverifiedEmail(
  config: Pick<GatehouseConfig, 'identityProviders' | 'trustedIssuers' | 'mounts'>,
): readonly ConfigProblem[] {
  return config.mounts.flatMap(({ policy, ...mount }, index) => {
    if (policy === undefined || !asksForEmail(policy)) return [];
    const culprit = findCulprit(config, mount);
    return culprit === undefined
      ? []
      : {
          variable: `mounts[${index}].policy`,
          problem: `goes by e-mail addresses, and ${culprit} takes those that nobody verified`,
          fix: `unset ${culprit}, or write groups or subjects`,
        };
  });
}

/** Which setting takes addresses that nobody verified for people of this mount. */
export function findCulprit(
  { identityProviders, trustedIssuers }: Pick<GatehouseConfig, 'identityProviders' | 'trustedIssuers'>,
  mount: Omit<GatehouseConfig['mounts'][0], 'policy'>,
): string | undefined {
  // Where tokens of another issuer are the only ones, nobody comes from either: they are judged with the mount.
  const trusting = findProvidersOf(mount, identityProviders).find(
    ({ trustUnverifiedEmail }) => trustUnverifiedEmail,
  );
  if (trusting !== undefined) {
    const isOnly = identityProviders.length === 1;
    return isOnly
      ? 'TRUST_UNVERIFIED_EMAIL'
      : `trust_unverified_email of the identity provider ${trusting.name}`;
  }
  return findTrustedIssuersOf(mount, trustedIssuers).some(({ trustUnverifiedEmail }) => trustUnverifiedEmail)
    ? 'trust_unverified_email of a trusted issuer'
    : undefined;
}
