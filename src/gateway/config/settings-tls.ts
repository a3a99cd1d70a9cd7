import type { Setting } from './setting.ts';

const path = { accepts: 'a path', unset: undefined, parse: (text: string) => text } as const;

/** Certificates, our own and others'. All are files, read again when they change. See docs/tls.md. */
export const tlsSettings = {
  TLS_CERT_FILE: {
    ...path,
    description:
      'The certificate of the public listener, and behind it those that vouch for it. With it the listener speaks TLS 1.2 and 1.3 and nothing else; without, TLS is for the proxy in front. Read again within seconds of a change and on SIGHUP; a file that is not acceptable changes nothing and is logged. See [TLS](tls.md).',
    accepts: 'a path of a PEM file; with `TLS_KEY_FILE`, and an https `PROXY_BASE_URL`',
  } satisfies Setting<string | undefined>,
  TLS_KEY_FILE: {
    ...path,
    description: 'The private key of `TLS_CERT_FILE`, without a passphrase. May be the same file.',
    accepts: 'a path of a PEM file; with `TLS_CERT_FILE`',
  } satisfies Setting<string | undefined>,
  UPSTREAM_CA_FILE: {
    ...path,
    description:
      'The authorities that may vouch for an https upstream, in place of those that Node brings along. There is no way to leave its certificate unchecked.',
    accepts: 'a path of a PEM file; with an https `UPSTREAM_MCP_URL`',
  } satisfies Setting<string | undefined>,
  UPSTREAM_CLIENT_CERT_FILE: {
    ...path,
    description:
      'The certificate that is shown to an https upstream which asks for one, so that it can refuse everybody else. Read again like `TLS_CERT_FILE`, and shown on new connections.',
    accepts: 'a path of a PEM file; with `UPSTREAM_CLIENT_KEY_FILE`, and an https `UPSTREAM_MCP_URL`',
  } satisfies Setting<string | undefined>,
  UPSTREAM_CLIENT_KEY_FILE: {
    ...path,
    description:
      'The private key of `UPSTREAM_CLIENT_CERT_FILE`, without a passphrase. May be the same file.',
    accepts: 'a path of a PEM file; with `UPSTREAM_CLIENT_CERT_FILE`',
  } satisfies Setting<string | undefined>,
};
