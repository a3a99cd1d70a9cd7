import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where each client's exact version is written down, which is where it is installed from. */
const pins = {
  inspector: [
    'programs/npm/package.json',
    '@modelcontextprotocol/inspector',
    /"@modelcontextprotocol\/inspector": "([^"]+)"/,
  ],
  'mcp-remote': ['programs/npm/package.json', 'mcp-remote', /"mcp-remote": "([^"]+)"/],
  'typescript-sdk-1': [
    '../../package.json',
    '@modelcontextprotocol/sdk',
    /"@modelcontextprotocol\/sdk": "(\d[^"]*)"/,
  ],
  'typescript-sdk-2': [
    '../../package.json',
    '@modelcontextprotocol/client',
    /"@modelcontextprotocol\/client": "(\d[^"]*)"/,
  ],
  'python-sdk': ['programs/python/requirements.txt', 'mcp', /^mcp==(\S+)$/m],
  'go-sdk': ['programs/go/go.mod', 'github.com/modelcontextprotocol/go-sdk', /go-sdk v(\S+)/],
} as const satisfies Record<string, readonly [string, string, RegExp]>;

export type PinnedClient = keyof typeof pins;

/** As its registry knows it. */
export function packageNameOf(client: PinnedClient): string {
  return pins[client][1];
}

/** @throws Error when the file does not name exactly one version */
export function findPinnedVersion(client: PinnedClient): string {
  const [file, , pattern] = pins[client];
  const version = pattern.exec(readFileSync(join(import.meta.dirname, file), 'utf8'))?.[1];
  if (version === undefined) throw new Error(`${file} does not pin ${client}`);
  return version;
}
