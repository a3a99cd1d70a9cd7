const serverName = 'gatehouse-demo';

/** One client and what to paste where. */
interface ClientLines {
  readonly client: string;
  readonly lines: (url: string) => readonly string[];
}

const clients: readonly ClientLines[] = [
  {
    client: 'Claude Code',
    lines: (url) => [`claude mcp add --transport http ${serverName} ${url}`],
  },
  {
    client: 'MCP Inspector',
    lines: (url) => [`npx @modelcontextprotocol/inspector --transport http --server-url ${url}`],
  },
  {
    client: 'VS Code',
    lines: (url) => [
      `code --add-mcp '${JSON.stringify({ name: serverName, type: 'http', url })}'`,
      `or .vscode/mcp.json: ${JSON.stringify({ servers: { [serverName]: { type: 'http', url } } })}`,
    ],
  },
  {
    client: 'Cursor',
    lines: (url) => [
      cursorLink(url),
      `or .cursor/mcp.json: ${JSON.stringify({ mcpServers: { [serverName]: { url } } })}`,
    ],
  },
  {
    client: 'mcp-remote, for clients that only start programs',
    lines: (url) => [
      JSON.stringify({ mcpServers: { [serverName]: { command: 'npx', args: ['-y', 'mcp-remote', url] } } }),
    ],
  },
];

/** What to paste into which client, for the MCP server at `url`. */
export function renderClientLines(url: string, heading: (text: string) => string): string {
  return clients
    .map(({ client, lines }) =>
      [`  ${heading(client)}`, ...lines(url).map((line) => `    ${line}`), ''].join('\n'),
    )
    .join('\n');
}

function cursorLink(url: string): string {
  const config = Buffer.from(JSON.stringify({ url })).toString('base64');
  const query = new URLSearchParams({ name: serverName, config });
  return `cursor://anysphere.cursor-deeplink/mcp/install?${query.toString()}`;
}
