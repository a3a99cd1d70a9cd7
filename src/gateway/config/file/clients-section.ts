import { z } from 'zod';

import type { GrantTypeName } from '../../../services/clients/client.ts';
import { parseSecretHash } from '../secret-hash.ts';
import { ValueProblem } from '../setting.ts';
import { textValue } from './text-value.ts';

/** What a grant type may be called: by the end of its name, too, as nobody knows the whole by heart. */
const grantTypes = {
  authorization_code: 'authorization_code',
  refresh_token: 'refresh_token',
  client_credentials: 'client_credentials',
  device_code: 'urn:ietf:params:oauth:grant-type:device_code',
  jwt_bearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
} as const satisfies Record<string, GrantTypeName>;

const names = Object.keys(grantTypes) as [keyof typeof grantTypes, ...(keyof typeof grantTypes)[]];

const secretHash = textValue(parseSecretHash);

const client = z
  .strictObject({
    client_id: textValue(parseClientId).meta({
      title: 'Client id',
      description: 'What the client sends as `client_id`: letters, digits, `.`, `_`, `~`, `-`. Each once.',
      examples: ['reporting'],
    }),
    name: z.string().trim().min(1).max(100).meta({
      title: 'Name',
      description: 'For people: the consent page shows it as registered by the operator.',
    }),
    redirect_uris: z.array(z.string()).max(64).default([]).meta({
      title: 'Redirect URIs',
      description:
        'Where people come back with a code: https, loopback with any port, or a scheme of an app. None: the client acts for nobody but itself.',
    }),
    token_endpoint_auth_method: z
      .enum(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'])
      .meta({
        title: 'Authentication',
        description:
          'How it proves who it is; nothing else is taken from it. `private_key_jwt` keeps the secret out of every request. `none` is for programs on machines of people, which can keep none.',
      }),
    client_secret_sha256: z
      .union([secretHash.transform((hash) => [hash]), z.array(secretHash).min(1).max(4)])
      .optional()
      .meta({
        title: 'Hash of the secret',
        description:
          'SHA-256 of the secret in hexadecimal, as `gatehouse clients hash-secret` prints it; a list while one secret takes the place of another. The secret itself stands nowhere here.',
      }),
    jwks: z.record(z.string(), z.unknown()).optional().meta({
      title: 'Public keys',
      description: 'For `private_key_jwt`: its JWK set.',
    }),
    jwks_file: z.string().min(1).optional().meta({
      title: 'File of public keys',
      description: 'The same in a JSON file.',
    }),
    jwks_uri: textValue(parseKeysUri).optional().meta({
      title: 'Address of public keys',
      description: 'The same at an https URL of a public host, fetched when it is needed.',
    }),
    grant_types: z.array(z.enum(names)).min(1).optional().meta({
      title: 'Grant types',
      description:
        'What it may ask for. With redirect URIs, if nothing is said: `authorization_code` and `refresh_token`.',
    }),
    mounts: z.array(z.string()).min(1).optional().meta({
      title: 'Mounts',
      description: 'Names of the mounts that it gets tokens for. Every mount, if nothing is said.',
    }),
    scopes: z.array(z.string()).min(1).optional().meta({
      title: 'Scopes',
      description: 'The most that it is ever granted. Whatever a mount has, if nothing is said.',
    }),
  })
  .meta({ title: 'Client', description: 'A client that the operator registered.' });

/** The clients that are known without registering. */
export const clientsSection = z.array(client).max(1000).meta({
  title: 'Clients',
  description:
    'Clients that are known without registering, public or with a secret or key of their own. See [pre-registered clients](clients/pre-registered.md).',
});

export type ClientEntry = z.output<typeof client>;

/** The clients whose own keys are all good, each with its place in the list. */
export function findGoodClients(
  section: unknown,
): ReadonlyArray<readonly [index: number, entry: ClientEntry]> {
  if (!Array.isArray(section)) return [];
  return section.flatMap((item: unknown, index) => {
    const { data } = client.safeParse(item);
    return data === undefined ? [] : [[index, data] as const];
  });
}

export function grantTypesOf({ grant_types: named }: ClientEntry): readonly GrantTypeName[] {
  return (named ?? ['authorization_code', 'refresh_token']).map((name) => grantTypes[name]);
}

/** Neither a registration of ours nor the address of a document: an id means one kind of client. */
function parseClientId(text: string): string {
  if (/^[A-Za-z0-9._~-]{1,64}$/.test(text) && !text.startsWith('mgh_')) return text;
  throw new ValueProblem(
    'is no client id of the configuration',
    'write up to 64 letters, digits, . _ ~ and -, not beginning with mgh_',
  );
}

function parseKeysUri(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === '')
    return url.href;
  throw new ValueProblem('is no https URL', 'write https://, a public host and a path');
}
