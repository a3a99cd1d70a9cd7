import { Client, StreamableHTTPClientTransport, type Tool } from '@modelcontextprotocol/client';
import { startForwardingShim } from './forwarding-shim.ts';
import { freePort } from './free-port.ts';
import { startProtectedServer } from './protected-server.ts';

/**
 * A client on the official SDK that does whatever a server offers: calls every tool, reads a resource, gets a prompt.
 * The official suite starts it as `node everything-client.ts [--through-gatehouse] URL` and watches what arrives.
 */
interface Assignment {
  readonly revision: string;
  /** Calls the suite wants made, word for word. */
  readonly toolCalls:
    readonly { readonly name: string; readonly arguments: Record<string, unknown> }[] | undefined;
}

async function visit(
  url: URL,
  accessToken: string | undefined,
  { revision, toolCalls }: Assignment,
): Promise<void> {
  const client = new Client(
    { name: 'everything-client', version: '1.0.0' },
    {
      capabilities: { elicitation: { form: { applyDefaults: true } } },
      versionNegotiation: { mode: revision < '2026-07-28' ? 'legacy' : 'auto' },
    },
  );
  client.setRequestHandler('elicitation/create', async ({ params }) => ({
    action: 'accept' as const,
    content:
      'requestedSchema' in params && 'confirmed' in params.requestedSchema.properties
        ? { confirmed: true }
        : {},
  }));
  const authProvider = { token: async () => accessToken };
  await client.connect(
    new StreamableHTTPClientTransport(url, accessToken === undefined ? {} : { authProvider }),
  );
  const offers = client.getServerCapabilities();
  const { tools } = await client.listTools();
  const calls = toolCalls ?? tools.map((tool) => ({ name: tool.name, arguments: argumentsFor(tool, tools) }));
  // Some tools of the suite answer with what the SDK refuses; the suite judges what was sent.
  for (const call of calls) await client.callTool(call).catch(() => undefined);
  if (offers?.resources !== undefined) {
    const [resource] = (await client.listResources()).resources;
    if (resource !== undefined) await client.readResource({ uri: resource.uri });
  }
  if (offers?.prompts !== undefined) {
    const [prompt] = (await client.listPrompts()).prompts;
    if (prompt !== undefined) await client.getPrompt({ name: prompt.name });
  }
  await client.close();
}

/** A value for what a tool requires; a schema, where it wants one, is that of the first tool as it arrived. */
function argumentsFor({ inputSchema }: Tool, tools: readonly Tool[]): Record<string, unknown> {
  const properties = (inputSchema.properties ?? {}) as Record<string, { readonly type?: string }>;
  const examples: Record<string, unknown> = {
    number: 1,
    integer: 1,
    boolean: true,
    object: tools[0]?.inputSchema,
  };
  return Object.fromEntries(
    (inputSchema.required ?? []).map((name) => [name, examples[properties[name]?.type ?? ''] ?? 'text']),
  );
}

/** Some mock servers of the suite live at `/`, where a gatehouse cannot be mounted: a shim gives them a path. */
async function visitThroughGatehouse(url: URL, assignment: Assignment): Promise<void> {
  const port = await freePort();
  const shim = await startForwardingShim({
    port,
    target: { hostname: url.hostname, port: Number(url.port) },
    change: (path, headers) => ({
      path: path.replace(/^\/mcp/, url.pathname),
      headers: { ...headers, host: url.host },
    }),
  });
  const gatehouse = await startProtectedServer(new URL(`http://127.0.0.1:${port}/mcp`));
  try {
    await visit(new URL(gatehouse.mcpUrl), await gatehouse.signIn(), assignment);
  } finally {
    await gatehouse.close();
    await shim.close();
  }
}

if (import.meta.main) {
  const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Partial<Assignment>;
  const revision = process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'] ?? '2026-07-28';
  const url = new URL(process.argv.at(-1) ?? '');
  const assignment = { revision, toolCalls: context.toolCalls };
  await (process.argv.includes('--through-gatehouse')
    ? visitThroughGatehouse(url, assignment)
    : visit(url, undefined, assignment));
}
