import type { GatehouseConfig } from './config.ts';
import { asksForEmail } from './file/policy-section.ts';
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
  { accepts, publicOrigin, path, identityProviders: names }: Omit<GatehouseConfig['mounts'][0], 'policy'>,
): string | undefined {
  // Tokens of another issuer are the only ones there, and are judged with the mount.
  if (accepts !== undefined) return undefined;
  const trusting = identityProviders.find(
    ({ name, trustUnverifiedEmail }) => trustUnverifiedEmail && (names?.includes(name) ?? true),
  );
  if (trusting !== undefined) {
    const isOnly = identityProviders.length === 1;
    return isOnly
      ? 'TRUST_UNVERIFIED_EMAIL'
      : `trust_unverified_email of the identity provider ${trusting.name}`;
  }
  const sends = trustedIssuers.filter(
    ({ resources }) => resources === undefined || resources.includes(`${publicOrigin}${path}`),
  );
  return sends.some(({ trustUnverifiedEmail }) => trustUnverifiedEmail)
    ? 'trust_unverified_email of a trusted issuer'
    : undefined;
}
