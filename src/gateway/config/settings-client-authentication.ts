import { parseClientKey, type WrittenKey } from './client-key.ts';
import { splitList } from './plain-values.ts';
import { type Setting, ValueProblem } from './setting.ts';

const text = { unset: undefined, parse: (value: string) => value } as const;

/** How this server proves to one identity provider that it is the client it says, where that is not by a secret. */
export const clientAuthenticationSettings = {
  OIDC_CLIENT_KEY: {
    description:
      'In place of a client secret: the private key that this server signs a client assertion with (`private_key_jwt`). The provider has to know the public one. A certificate of the key beside it is named in the assertion, which Entra goes by. Read at the start. See [client authentication](identity-providers/client-authentication.md).',
    accepts:
      'PEM without a passphrase, with or without a certificate, or a JWK: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519; the `alg` of a JWK decides, else it is RS256 (PS256 with `IDP=entra`), or what the curve has',
    secret: true,
    unset: undefined,
    parse: parseClientKey,
  } satisfies Setting<WrittenKey | undefined>,
  OIDC_CLIENT_KEY_ID: {
    ...text,
    description:
      'The `kid` under which the provider knows the key of `OIDC_CLIENT_KEY`. Unset: the `kid` of a JWK, or none.',
    accepts: 'text',
  } satisfies Setting<string | undefined>,
  OIDC_CLIENT_CERT_FILE: {
    ...text,
    description:
      'In place of a client secret: the certificate that this server shows at the token endpoint of the provider, and nowhere else (`tls_client_auth` or `self_signed_tls_client_auth`), and behind it those that vouch for it. Read again within seconds of a change and on SIGHUP; a file that is not acceptable changes nothing and is logged.',
    accepts: 'a path of a PEM file',
  } satisfies Setting<string | undefined>,
  OIDC_CLIENT_CERT_KEY_FILE: {
    ...text,
    description: 'The private key of `OIDC_CLIENT_CERT_FILE`, without a passphrase. Unset: in the same file.',
    accepts: 'a path of a PEM file; with `OIDC_CLIENT_CERT_FILE`',
  } satisfies Setting<string | undefined>,
  OIDC_CLIENT_CERT_HOSTS: {
    description:
      "Hosts that may see the certificate of `OIDC_CLIENT_CERT_FILE` beside the issuer's own. For providers whose discovery document names a token endpoint on another host, such as `mtls.example.com`: without it none is shown there.",
    accepts: 'comma-separated host names, without scheme and port; with `OIDC_CLIENT_CERT_FILE`',
    separator: ',',
    unset: [],
    parse: parseHosts,
  } satisfies Setting<readonly string[]>,
  OIDC_CLIENT_TOKEN_PATH: {
    ...text,
    description:
      'In place of a client secret: the file of a token that the platform gives to this server and renews, such as a projected service account token of Kubernetes. It is presented as the client assertion, and read anew each time.',
    accepts: 'path of a file',
  } satisfies Setting<string | undefined>,
  OIDC_CLIENT_TOKEN_SOURCE: {
    description:
      'In place of a client secret: who gives this server the token that it presents as the client assertion. `file`: `OIDC_CLIENT_TOKEN_PATH`. `github-actions`: the job that it runs in. `gcp`: the service account of Google Cloud. `azure`: the managed identity of a virtual machine of Azure.',
    accepts: '`file`, `github-actions`, `gcp` or `azure`',
    defaultText: 'file, with `OIDC_CLIENT_TOKEN_PATH`',
    unset: undefined,
    parse: parseTokenSource,
  } satisfies Setting<ClientTokenSource | undefined>,
  OIDC_CLIENT_TOKEN_AUDIENCE: {
    ...text,
    description:
      'Whom the token of `OIDC_CLIENT_TOKEN_SOURCE` is for, as the provider wants it. Required with `github-actions` and `gcp`; that of a file is chosen where the file comes from.',
    accepts: 'text',
    defaultText: 'with `azure`: api://AzureADTokenExchange',
  } satisfies Setting<string | undefined>,
  OIDC_CLIENT_TOKEN_IDENTITY: {
    description:
      'With `OIDC_CLIENT_TOKEN_SOURCE=azure`: the client id of the user-assigned managed identity. Unset: the machine has one alone.',
    accepts: 'a client id, such as `8eaef023-2b34-4da1-9baa-8bc8c9d6a490`',
    unset: undefined,
    parse: parseIdentity,
  } satisfies Setting<string | undefined>,
  OIDC_CLIENT_TOKEN_HOSTS: {
    description:
      "Hosts that may get the token of `OIDC_CLIENT_TOKEN_SOURCE` or `OIDC_CLIENT_TOKEN_PATH` beside the issuer's own. For providers whose discovery document names a token endpoint on another host: without it none is sent there.",
    accepts: 'comma-separated host names, without scheme and port',
    separator: ',',
    unset: [],
    parse: parseHosts,
  } satisfies Setting<readonly string[]>,
};

/** What platforms say about themselves to whatever runs on them. The names are theirs. */
export const platformSettings = {
  ACTIONS_ID_TOKEN_REQUEST_URL: {
    description:
      'Where a job of GitHub Actions asks for its tokens. The runner sets it for jobs with `permissions: id-token: write`; hand it on to a container. Read with `OIDC_CLIENT_TOKEN_SOURCE=github-actions` alone.',
    accepts: '`https://` URL; `http://` for 127.0.0.1 only',
    ...text,
  } satisfies Setting<string | undefined>,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: {
    ...text,
    description: 'What the job shows there. It comes with `ACTIONS_ID_TOKEN_REQUEST_URL`.',
    accepts: 'text',
    secret: true,
  } satisfies Setting<string | undefined>,
};

const tokenSources = ['file', 'github-actions', 'gcp', 'azure'] as const;
export type ClientTokenSource = (typeof tokenSources)[number];

function parseTokenSource(value: string): ClientTokenSource {
  const source = tokenSources.find((name) => name === value.toLowerCase());
  if (source !== undefined) return source;
  throw new ValueProblem(
    'is none of file, github-actions, gcp, azure',
    'use one of these; a pod of Kubernetes, also in EKS, has a file: set OIDC_CLIENT_TOKEN_PATH alone',
  );
}

function parseIdentity(value: string): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return value;
  const fix = 'write the "Client ID" of Managed Identities > the identity > Overview';
  throw new ValueProblem('is no client id of a managed identity', fix);
}

function parseHosts(value: string): readonly string[] {
  return splitList(value).map((host) => {
    const name = host.toLowerCase();
    if (URL.parse(`https://${name}`)?.hostname === name) return name;
    throw new ValueProblem('has an entry that is no host', 'write names such as mtls.example.com');
  });
}
