import { z } from 'zod';

import { isHostLabel } from '../../../protocol/host-label.ts';
import { dpopModes } from '../../../services/dpop/dpop-mode.ts';
import { noScopes } from '../../../services/resources/resource.ts';
import { settings } from '../schema.ts';
import { ValueProblem } from '../setting.ts';
import { parseOrigins } from '../url-values.ts';
import { acceptsSection } from './accepts-section.ts';
import { entrySection } from './entry-section.ts';
import { requestHeadersSection, responseHeadersSection } from './headers-section.ts';
import { parseMountUpstream, parseMountUrl } from './mount-url.ts';
import { findUndeclaredScopes, policySection } from './policy-section.ts';
import { scopesSection } from './scopes-section.ts';
import { durationValue, textValue } from './text-value.ts';

const path = z.string().min(1);

const timeouts = z
  .strictObject({
    connect: durationValue((text) => settings.UPSTREAM_CONNECT_TIMEOUT.parse(text))
      .optional()
      .meta({ title: 'Connect', description: 'In place of `UPSTREAM_CONNECT_TIMEOUT`, such as `10s`.' }),
    headers: durationValue((text) => settings.UPSTREAM_HEADER_TIMEOUT.parse(text))
      .optional()
      .meta({ title: 'Headers', description: 'In place of `UPSTREAM_HEADER_TIMEOUT`, such as `5m`.' }),
    idle: durationValue((text) => settings.UPSTREAM_IDLE_TIMEOUT.parse(text))
      .optional()
      .meta({ title: 'Idle', description: 'In place of `UPSTREAM_IDLE_TIMEOUT`, such as `4s`.' }),
  })
  .meta({ title: 'Timeouts', description: 'How long the upstream may take, as durations: `90s`, `5m`.' });

const tls = z
  .strictObject({
    ca_file: path.optional().meta({
      title: 'Authorities',
      description:
        'In place of `UPSTREAM_CA_FILE`: a PEM file of the authorities that may vouch for the upstream.',
    }),
    certificate_file: path.optional().meta({
      title: 'Certificate',
      description:
        'In place of `UPSTREAM_CLIENT_CERT_FILE`: a PEM file of the certificate that is shown to the upstream.',
    }),
    key_file: path.optional().meta({
      title: 'Key',
      description: 'The private key of `certificate_file`; may be the same file.',
    }),
  })
  .refine((value) => (value.certificate_file === undefined) === (value.key_file === undefined), {
    message: 'has one of certificate_file and key_file',
    params: { fix: 'write both or none of the two' },
  })
  .meta({ title: 'TLS', description: 'For an https upstream. The files are read again when they change.' });

/** One mount: a protected resource and the MCP server behind it. */
const mount = z
  .strictObject({
    name: textValue(parseName).meta({
      title: 'Name',
      description: 'Names the mount in logs, metrics and commands: letters, digits, `-` and `_`. Each once.',
      examples: ['files'],
    }),
    url: textValue(parseMountUrl).meta({
      title: 'Public URL',
      description:
        'Where clients reach it, and its resource identifier: a path at `PROXY_BASE_URL` (`/files/mcp`), or an absolute URL at a host of its own (`https://files.example.com/mcp`) that leads here, too. `https://*.mcp.example.com/mcp` is every host with one label in place of the `*`, each a resource of its own.',
      examples: ['/files/mcp', 'https://files.example.com/mcp', 'https://*.mcp.example.com/mcp'],
    }),
    labels: z
      .array(textValue(parseLabel))
      .min(1)
      .max(10_000)
      .optional()
      .meta({
        title: 'Labels',
        description:
          'What may stand for the `*` of `url`. Left out: every label that is no host of another mount or of `PROXY_BASE_URL`.',
        examples: [['red', 'blue']],
      }),
    upstream: textValue(parseMountUpstream).meta({
      title: 'Upstream',
      description:
        'The MCP server behind it, with its path, which takes the place of the public one. With a `*` in `url` it may have `{label}` once, in its host or its path: what stands for the `*`.',
      examples: ['http://127.0.0.1:3000/mcp', 'http://{label}.internal:3000/mcp'],
    }),
    title: z.string().min(1).max(200).optional().meta({
      title: 'Title',
      description:
        'Its name for people: on the consent page and in the metadata. With a `*` in `url`, what stands for it takes the place of `{label}`, or is put behind.',
    }),
    default: z.boolean().default(false).meta({
      title: 'Default',
      description:
        'Meant by clients that name no resource, as those before 2025-06-18 do. One mount at most; the only one always is. With several and no default, such clients are refused.',
    }),
    upstream_authorization_file: path.optional().meta({
      title: 'Upstream authorization',
      description: 'A file with the value that is sent verbatim as `Authorization` to the upstream.',
    }),
    timeouts: timeouts.optional(),
    max_body_bytes: z
      .int()
      .min(1)
      .max(1_073_741_824)
      .optional()
      .meta({ title: 'Largest body', description: 'In place of `MAX_BODY_BYTES`.' }),
    tls: tls.optional(),
    allowed_origins: z
      .array(textValue((text) => parseOrigins([text])[0] ?? text))
      .optional()
      .meta({
        title: 'Web origins',
        description: 'In place of `ALLOWED_ORIGINS`: origins of web pages that may call it from a browser.',
      }),
    request_headers: requestHeadersSection.default({}),
    response_headers: responseHeadersSection.default({}),
    identity_headers: z.boolean().default(true).meta({
      title: 'Identity headers',
      description:
        'Whether the upstream is told who calls (`X-User-Sub`, `X-User-Email`, `X-User-Groups`). Off only for one that must not know.',
    }),
    scopes: scopesSection.default(noScopes),
    identity_providers: z.array(z.string()).min(1).max(20).optional().meta({
      title: 'Identity providers',
      description:
        'Names of the identity providers whose people may come in. Every one of the section `identity_providers`, if nothing is said: people then choose.',
    }),
    accepts: acceptsSection.optional(),
    forward_token: z.boolean().default(false).meta({
      title: 'Forward the token',
      description:
        'Passes the token of the caller on to the upstream as `Authorization`. Only where the mount `accepts` tokens of another issuer that are meant for the upstream itself: whoever runs it can use them wherever else they are good.',
    }),
    dpop: z.enum(dpopModes).optional().meta({
      title: 'Bound tokens',
      description: 'In place of `DPOP`: whether the tokens for it are bound to a key of the client.',
    }),
    entry: entrySection.optional(),
    policy: policySection.optional(),
  })
  .superRefine(({ policy, scopes }, context) => {
    // With a problem in one of them they are not what they look like.
    if (policy === undefined || context.issues.length > 0) return;
    for (const [rule, scope] of findUndeclaredScopes(policy, scopes.declared)) {
      context.addIssue({
        code: 'custom',
        message: 'is no scope of this mount',
        params: { fix: 'declare it under scopes: nobody can be granted another' },
        path: ['policy', 'rules', rule, 'scopes', scope],
      });
    }
  })
  .meta({ title: 'Mount', description: 'One MCP server: a protected resource of its own.' });

/** The MCP servers that are served. Tokens for one are refused at every other. */
export const mountsSection = z.array(mount).min(1).max(1000).meta({
  title: 'Mounts',
  description:
    'The MCP servers that are served, in place of `UPSTREAM_MCP_URL`. Each is a protected resource of its own: a token for one is refused at every other.',
});

export type MountEntry = z.output<typeof mount>;

/** The mounts whose own keys are all good, each with its place in the list. */
export function findGoodMounts(section: unknown): ReadonlyArray<readonly [index: number, entry: MountEntry]> {
  if (!Array.isArray(section)) return [];
  return section.flatMap((item: unknown, index) => {
    const { data } = mount.safeParse(item);
    return data === undefined ? [] : [[index, data] as const];
  });
}

function parseLabel(text: string): string {
  if (isHostLabel(text)) return text;
  throw new ValueProblem(
    'is no label of a host',
    'write lower-case letters, digits and hyphens between them, without a dot; a name in other letters needs a mount of its own',
  );
}

function parseName(text: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(text)) return text;
  throw new ValueProblem('is no name', 'write up to 64 letters, digits, - and _');
}
