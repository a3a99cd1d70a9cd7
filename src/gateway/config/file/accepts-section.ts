import { z } from 'zod';

import type { HmacAlgorithm } from '../../../services/identity/foreign/token-authority.ts';
import { parseDuration } from '../go-duration.ts';
import { parseSecureUrl } from '../url-values.ts';
import { durationValue, textValue } from './text-value.ts';

const issuer = textValue((text) => parseSecureUrl(text, 'https://login.example.com')).meta({
  title: 'Issuer',
  description:
    'Byte for byte the `iss` of its tokens. The metadata of the mount names it as the authorization server.',
  examples: ['https://login.example.com'],
});

const audienceName = z.string().min(1).max(2048);

const audience = z
  .union([audienceName, z.array(audienceName).min(1).max(20)])
  .optional()
  .meta({
    title: 'Audience',
    description:
      'What `aud` has to name, compared exactly: one value, or several of which one is enough. Left out: the resource identifier of the mount, its public URL.',
  });

const clockSkew = durationValue((text) =>
  parseDuration(text, { minSeconds: 0, maxSeconds: 60, text: '0 to 60s' }),
)
  .default(30)
  .meta({
    title: 'Clock skew',
    description: 'How far the clock of the issuer may be from ours: for `exp`, `nbf` and `iat`.',
  });

const typ = z.enum(['at+jwt', 'any']).default('at+jwt').meta({
  title: 'Type',
  description:
    '`at+jwt`: the `typ` of the header has to say that it is an access token (RFC 9068). `any`: it may also say `JWT`, or nothing, as with providers that do not know RFC 9068; then `aud` alone tells an access token from an ID token.',
});

const claim = z.string().min(1).max(256);

const claims = z
  .strictObject({
    subject: claim.default('sub').meta({ title: 'Subject', description: 'Who calls: `X-User-Sub`.' }),
    email: claim.default('email').meta({ title: 'E-mail', description: '`X-User-Email`.' }),
    groups: claim.default('groups').meta({ title: 'Groups', description: '`X-User-Groups`.' }),
    scope: claim.optional().meta({
      title: 'Scope',
      description: 'Names separated by blanks, or a list. Left out: `scope`, else `scp`.',
    }),
    client: claim.optional().meta({
      title: 'Client',
      description: 'The id of the client. Left out: `client_id`, else `azp`, `cid` or `appid`.',
    }),
  })
  .meta({
    title: 'Claims',
    description: 'Where a token says what: names of claims; one that begins with `/` is a JSON pointer.',
  });

const common = {
  issuer,
  audience,
  clock_skew: clockSkew,
  claims: claims.default({ subject: 'sub', email: 'email', groups: 'groups' }),
  trust_unverified_email: z.boolean().default(false).meta({
    title: 'Trust e-mail addresses',
    description: 'Takes the e-mail address although the token does not say `email_verified`.',
  }),
};

const algorithm = z.enum(['RS256', 'PS256', 'ES256', 'EdDSA']);

const jwt = z
  .strictObject({
    ...common,
    jwks_uri: textValue((text) => parseSecureUrl(text, 'https://login.example.com/keys'))
      .optional()
      .meta({
        title: 'Key set',
        description:
          'Where its public keys are. Left out: where its `/.well-known/openid-configuration` says.',
      }),
    algorithms: z.array(algorithm).min(1).default(['RS256', 'PS256', 'ES256', 'EdDSA']).meta({
      title: 'Algorithms',
      description: 'What tokens may be signed with. The key has to be one for that algorithm, too.',
    }),
    typ,
  })
  .meta({ title: 'JWT', description: 'JWTs that are signed with keys which the issuer publishes.' });

const hashBytes: Readonly<Record<HmacAlgorithm, number>> = { HS256: 32, HS384: 48, HS512: 64 };

const hmac = z
  .strictObject({
    ...common,
    algorithm: z.enum(['HS256', 'HS384', 'HS512']).default('HS256').meta({
      title: 'Algorithm',
      description: 'The one that tokens are signed with. A secret has at least as many bits (RFC 7518).',
    }),
    secret_files: z.array(z.string().min(1)).min(1).max(2).meta({
      title: 'Secrets',
      description:
        'Files that hold a secret each: one, or two while one takes the place of the other. Whoever knows it can be anybody here.',
    }),
    typ,
  })
  .meta({ title: 'HMAC', description: 'JWTs that are signed with a secret which the issuer and we share.' });

const introspection = z
  .strictObject({
    ...common,
    endpoint: textValue((text) => parseSecureUrl(text, 'https://login.example.com/introspect')).meta({
      title: 'Endpoint',
      description: 'Where the issuer is asked about a token (RFC 7662).',
    }),
    client_id: z.string().min(1).max(2048).meta({
      title: 'Client id',
      description: 'What the issuer knows this server by; sent with the secret as HTTP Basic.',
    }),
    client_secret_file: z
      .string()
      .min(1)
      .meta({ title: 'Client secret', description: 'A file that holds the secret.' }),
    cache: durationValue((text) => parseDuration(text, { minSeconds: 1, maxSeconds: 300, text: '1s to 5m' }))
      .default(60)
      .meta({
        title: 'Cache',
        description:
          'How long an answer counts, and a token that was revoked at the issuer goes on. Shorter: more questions.',
      }),
  })
  .meta({ title: 'Introspection', description: 'Tokens of any form; the issuer is asked about each.' });

/** Whose tokens a mount takes in place of ours. See docs/foreign-tokens.md. */
export const acceptsSection = z
  .strictObject({ jwt: jwt.optional(), hmac: hmac.optional(), introspection: introspection.optional() })
  .refine((kinds) => Object.values(kinds).filter((kind) => kind !== undefined).length === 1, {
    message: 'has not exactly one kind',
    params: { fix: 'write one of jwt, hmac and introspection: a mount has one authority' },
  })
  .meta({
    title: 'Accepts',
    description:
      'Tokens of another issuer, in place of ours: exactly one of `jwt`, `hmac` and `introspection`. Left out: tokens that are issued here.',
  });

export type AcceptsEntry = z.output<typeof acceptsSection>;

/** Secrets of an HMAC have at least so many bytes.   @see RFC 7518 §3.2 */
export function minHmacSecretBytes(algorithmName: HmacAlgorithm): number {
  return hashBytes[algorithmName];
}
