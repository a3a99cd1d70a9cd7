import { join } from 'node:path';

import { createInspector, inspectorCallbackPath } from './inspector.ts';
import { startLineClient } from './line-client.ts';
import { startMcpRemote } from './mcp-remote.ts';
import type { PinnedClient } from './pinned-versions.ts';
import type { RealClient, RealClientOptions } from './real-client.ts';
import { installGoClient, installNpmClients, installPythonClient } from './toolchains.ts';

/** One client in one era, and how it makes itself known. */
export interface ClientCase {
  readonly id: string;
  /** As people call it. */
  readonly client: string;
  readonly pinned: PinnedClient;
  readonly era: 'legacy' | 'modern';
  /** Where its metadata document says that answers go; any port. Undefined: it registers itself. */
  readonly documentRedirectUri: string | undefined;
  /** Whether it keeps its tokens between runs. Our own small programs do not, whatever SDK they are on. */
  readonly keepsTokens: boolean;
}

export type StartClient = (options: RealClientOptions) => RealClient;

const programs = join(import.meta.dirname, 'programs');
const loopback = 'http://127.0.0.1/callback';
const inspectorCallback = `http://127.0.0.1${inspectorCallbackPath}`;
const mcpRemoteCallback = 'http://localhost/oauth/callback';

/** Both eras and both ways to be known. Version 1 of the TypeScript SDK ends with the legacy era. */
export const clientCases: readonly ClientCase[] = [
  legacy('MCP Inspector CLI', 'inspector'),
  modern('MCP Inspector CLI', 'inspector', inspectorCallback),
  legacy('mcp-remote', 'mcp-remote'),
  modern('mcp-remote', 'mcp-remote', mcpRemoteCallback),
  legacy('TypeScript SDK 1', 'typescript-sdk-1'),
  legacy('TypeScript SDK 1', 'typescript-sdk-1', loopback),
  legacy('TypeScript SDK 2', 'typescript-sdk-2'),
  modern('TypeScript SDK 2', 'typescript-sdk-2', loopback),
  legacy('Python SDK', 'python-sdk'),
  modern('Python SDK', 'python-sdk', loopback),
  legacy('Go SDK', 'go-sdk'),
  modern('Go SDK', 'go-sdk', loopback),
];

/**
 * Makes ready what the client needs on this machine.
 * @throws ToolMissing when that is not ours to install, Error when it could not be installed
 */
export async function prepareClient(pinned: PinnedClient): Promise<StartClient> {
  switch (pinned) {
    case 'inspector': {
      const folder = (await installNpmClients()).packageFolder('@modelcontextprotocol/inspector');
      return (options) => createInspector(join(folder, 'clients/launcher/build/index.js'), options);
    }
    case 'mcp-remote': {
      const folder = (await installNpmClients()).packageFolder('mcp-remote');
      return (options) => startMcpRemote(join(folder, 'dist/proxy.js'), options);
    }
    case 'typescript-sdk-1':
      return (options) => startLineClient([process.execPath, join(programs, 'sdk-v1.ts')], options);
    case 'typescript-sdk-2':
      return (options) => startLineClient([process.execPath, join(programs, 'sdk-v2.ts')], options);
    case 'python-sdk': {
      const { command, env } = await installPythonClient();
      return (options) => startLineClient(command, options, env);
    }
    case 'go-sdk': {
      const { command } = await installGoClient();
      return (options) => startLineClient(command, options);
    }
  }
}

function legacy(client: string, pinned: PinnedClient, documentRedirectUri?: string): ClientCase {
  return describe(client, pinned, 'legacy', documentRedirectUri);
}

function modern(client: string, pinned: PinnedClient, documentRedirectUri?: string): ClientCase {
  return describe(client, pinned, 'modern', documentRedirectUri);
}

function describe(
  client: string,
  pinned: PinnedClient,
  era: 'legacy' | 'modern',
  documentRedirectUri: string | undefined,
): ClientCase {
  const known = documentRedirectUri === undefined ? 'registered' : 'by document';
  const keepsTokens = pinned === 'inspector' || pinned === 'mcp-remote';
  return { id: `${pinned}, ${era}, ${known}`, client, pinned, era, documentRedirectUri, keepsTokens };
}
