import { z } from 'zod';

import { isSameIssuer, type TrustedIssuer } from '../../../services/identity/assertions/trusted-issuer.ts';
import type { ConfigWarning, GatehouseConfig, MountConfig } from '../config.ts';
import { identifyResource } from '../resource-identifier.ts';
import type { ConfigProblem } from '../setting.ts';
import { parseSecureUrl } from '../url-values.ts';
import type { GivenConfig } from './given-file.ts';
import { listMountNames } from './mount-names.ts';
import { textValue } from './text-value.ts';

const issuer = z
  .strictObject({
    issuer: textValue((text) => parseSecureUrl(text, 'https://login.example.com')).meta({
      title: 'Issuer',
      description: 'Byte for byte the `iss` of its assertions.',
      examples: ['https://login.example.com'],
    }),
    jwks_uri: textValue((text) => parseSecureUrl(text, 'https://login.example.com/keys'))
      .optional()
      .meta({
        title: 'Key set',
        description:
          'Where its public keys are. Left out: where its `/.well-known/openid-configuration` says.',
      }),
    clients: z.array(z.string().min(1).max(2048)).min(1).max(1000).meta({
      title: 'Clients',
      description:
        'Ids of the clients that may come with its assertions. Each has to have a credential: it is pre-registered with one, or its metadata document names its keys.',
    }),
    mounts: z.array(z.string()).min(1).optional().meta({
      title: 'Mounts',
      description: 'Names of the mounts that it may send people to. Left out: all.',
    }),
    groups_claim: z.string().min(1).max(256).default('groups').meta({
      title: 'Groups claim',
      description: 'The claim with the groups of a person; one that begins with `/` is a JSON pointer.',
    }),
    trust_unverified_email: z.boolean().default(false).meta({
      title: 'Trust e-mail addresses',
      description: 'Takes `email` although the assertion does not say `email_verified`.',
    }),
  })
  .meta({
    title: 'Trusted issuer',
    description: 'An identity provider whose assertions about people are taken without a login.',
  });

/** Identity providers of enterprises, and whom they may send. See docs/grants/enterprise-managed-authorization.md. */
export const trustedIssuersSection = z.array(issuer).min(1).max(100).meta({
  title: 'Trusted issuers',
  description:
    'Identity providers whose assertions (ID-JAG) clients exchange for access tokens: Enterprise-Managed Authorization. Left out: nobody is trusted, and the grant type does not exist.',
});

export interface TrustedIssuersReading {
  readonly trustedIssuers: readonly TrustedIssuer[];
  readonly problems: readonly ConfigProblem[];
}

/** The trusted issuers of the file, their mounts as resource identifiers. */
export function readTrustedIssuers(
  { sections, raw, locate }: Pick<GivenConfig, 'sections' | 'raw' | 'locate'>,
  mounts: readonly MountConfig[],
): TrustedIssuersReading {
  const entries = sections?.trusted_issuers ?? [];
  const known = new Map(mounts.map((mount) => [mount.name, identifyResource(mount)]));
  const mountNames = listMountNames({ raw }, mounts);
  const problems = entries.flatMap((entry, index) =>
    [
      ...(entries.findIndex((other) => other.issuer === entry.issuer) < index
        ? [{ path: ['issuer'], problem: 'is there twice', fix: 'leave one entry for each issuer' }]
        : []),
      ...(entry.mounts ?? []).flatMap((name, at) =>
        mountNames.has(name)
          ? []
          : [{ path: ['mounts', at], problem: 'is no mount', fix: 'write the name of one under mounts' }],
      ),
    ].map(({ path, ...rest }) => locate({ path: ['trusted_issuers', index, ...path], ...rest })),
  );
  const trustedIssuers = entries.map((entry) => ({
    issuer: entry.issuer,
    jwksUri: entry.jwks_uri,
    clients: entry.clients,
    resources: entry.mounts?.flatMap((name) => known.get(name) ?? []),
    groupsClaim: entry.groups_claim,
    trustUnverifiedEmail: entry.trust_unverified_email,
  }));
  return { trustedIssuers, problems };
}

/** Trusted issuers whose assertions would bring in whom a login at the very provider keeps out. */
export function findTrustedIssuerProblems({
  trustedIssuers,
  identityProviders,
}: Pick<GatehouseConfig, 'trustedIssuers' | 'identityProviders'>): readonly ConfigProblem[] {
  return trustedIssuers.flatMap((trusted, index) => {
    const own = identityProviders.filter((provider) => isSameIssuer(provider, trusted));
    const variable = `trusted_issuers[${index}]`;
    if (own.some(({ directory }) => directory !== undefined)) {
      const problem =
        'is a provider whose logins are held to its directory, and nobody asks that about an assertion: whoever is suspended, or in a group that is kept out, would enter';
      return [{ variable, problem, fix: 'remove the entry, or unset GOOGLE_DIRECTORY' }];
    }
    if (trusted.inheritsGroups === true && trusted.groupsClaim.startsWith('/')) {
      const problem = 'has a JSON pointer as groups_claim, and groups are inherited there';
      const fix = 'name a claim that is not within another, such as groups_direct';
      return [{ variable, problem, fix }];
    }
    return [];
  });
}

/** @param providers at which people log in */
export function findTrustedIssuerWarnings(
  trustedIssuers: readonly TrustedIssuer[],
  providers: ReadonlyArray<{ readonly issuer: string }>,
): readonly ConfigWarning[] {
  const isKnown = (name: string): boolean => providers.some((provider) => provider.issuer === name);
  if (trustedIssuers.every(({ issuer: name }) => isKnown(name))) return [];
  const message =
    'a trusted issuer is not the identity provider that people log in at: the upstream gets the subjects of both in X-User-Sub and cannot tell them apart';
  return [{ event: 'trusted_issuer_foreign', message }];
}
