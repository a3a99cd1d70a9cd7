import { offUnlessTrue } from './boolean-setting.ts';
import { parseOnOff, splitList } from './plain-values.ts';
import { type Setting, ValueProblem } from './setting.ts';

const hosts = 'comma-separated host names, `*.` before one for everything below it';

/** Clients that are known by the URL of a document about them. See docs/client-id-metadata-documents.md. */
export const clientDocumentSettings = {
  CIMD: {
    description:
      'Whether a client may use the https URL of its metadata document as client id, as MCP 2026-07-28 wants it. This server then fetches documents that strangers name, from public addresses alone. Turn it off where it has no way out: clients that prefer it would fail, and register instead when it is off. See [client ID metadata documents](client-id-metadata-documents.md).',
    accepts: '`on` or `off`',
    defaultText: 'on',
    unset: true,
    parse: parseOnOff,
  } satisfies Setting<boolean>,
  CIMD_ALLOWED_HOSTS: {
    description:
      'The hosts whose documents are taken. Unset: every host. Clients that register themselves are not affected.',
    accepts: hosts,
    separator: ',',
    unset: undefined,
    parse: parseHosts,
  } satisfies Setting<readonly string[] | undefined>,
  CIMD_DENIED_HOSTS: {
    description: 'Hosts whose documents are not taken, whatever `CIMD_ALLOWED_HOSTS` says.',
    accepts: hosts,
    separator: ',',
    unset: [],
    parse: parseHosts,
  } satisfies Setting<readonly string[]>,
  CIMD_ALLOW_LOOPBACK: offUnlessTrue('CIMD_ALLOW_LOOPBACK', {
    description:
      'Takes documents of `https://localhost`, `127.0.0.1` and `[::1]`, too, to develop a client with. Anybody who reaches this server could have it ask services of its machine.',
    production: '`true`',
    refuseInProduction: (on) =>
      on ? new ValueProblem('is true', 'unset it; documents are on public hosts') : undefined,
    warnAbout: (on) =>
      on
        ? {
            event: 'client_documents_on_loopback',
            message: 'CIMD_ALLOW_LOOPBACK=true: metadata documents are fetched from this machine',
          }
        : undefined,
  }),
};

function parseHosts(text: string): readonly string[] {
  const names = splitList(text).map((name) => name.toLowerCase());
  const wrong = names.findIndex((name) => !/^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name));
  if (wrong !== -1) {
    throw new ValueProblem(
      `has an entry that is no host name (number ${wrong + 1})`,
      'write names such as client.example or *.client.example, without scheme, port and path',
    );
  }
  return names;
}
