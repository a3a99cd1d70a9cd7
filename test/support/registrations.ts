/** What clients in the field send to POST /register, and what they must get back. */
export interface RegistrationFixture {
  readonly client: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The authorization requests that must be possible afterwards. */
  readonly redirects: readonly string[];
}

export const registrationFixtures: readonly RegistrationFixture[] = [
  {
    client: 'Claude',
    body: {
      client_name: 'Claude',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: 'claudeai',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
    },
    redirects: ['https://claude.ai/api/mcp/auth_callback'],
  },
  {
    client: 'Claude Code',
    body: {
      client_name: 'Claude Code (example)',
      redirect_uris: ['http://localhost:3118/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirects: [
      'http://localhost:3118/callback',
      'http://localhost:54212/callback',
      'http://localhost/callback',
    ],
  },
  {
    client: 'ChatGPT',
    body: {
      client_name: 'ChatGPT',
      redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirects: ['https://chatgpt.com/connector_platform_oauth_redirect'],
  },
  {
    client: 'Codex',
    body: {
      client_name: 'Codex',
      redirect_uris: ['http://127.0.0.1:49152/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
      response_types: ['code'],
    },
    redirects: ['http://127.0.0.1:49152/callback', 'http://127.0.0.1:60001/callback'],
  },
  {
    client: 'Cursor',
    body: {
      client_name: 'Cursor',
      redirect_uris: [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'http://localhost:8787/callback',
      ],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirects: [
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'https://www.cursor.com/agents/mcp/oauth/callback',
      'http://localhost:8787/callback',
    ],
  },
  {
    client: 'VS Code',
    body: {
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      redirect_uris: [
        'https://insiders.vscode.dev/redirect',
        'https://vscode.dev/redirect',
        'http://127.0.0.1/',
        'http://127.0.0.1:33418/',
      ],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    redirects: ['https://vscode.dev/redirect', 'http://127.0.0.1:33418/', 'http://127.0.0.1:51234/'],
  },
  {
    client: 'Gemini CLI',
    body: {
      client_name: 'Gemini CLI MCP Client',
      redirect_uris: ['http://localhost:7777/oauth/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: '',
    },
    redirects: ['http://localhost:7777/oauth/callback', 'http://localhost:41999/oauth/callback'],
  },
  {
    client: 'mcp-remote',
    body: {
      redirect_uris: ['http://localhost:3334/oauth/callback'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      client_name: 'MCP CLI Proxy',
      client_uri: 'https://github.com/modelcontextprotocol/mcp-cli',
      software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d',
      software_version: '0.1.29',
    },
    redirects: ['http://localhost:3334/oauth/callback', 'http://localhost:12345/oauth/callback'],
  },
  {
    client: 'Inspector',
    body: {
      redirect_uris: ['http://localhost:6274/oauth/callback', 'http://localhost:6274/oauth/callback/debug'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      client_name: 'MCP Inspector',
      client_uri: 'https://github.com/modelcontextprotocol/inspector',
    },
    redirects: ['http://localhost:6274/oauth/callback', 'http://localhost:6274/oauth/callback/debug'],
  },
  {
    client: 'Python SDK',
    body: {
      client_name: 'Example MCP Client',
      redirect_uris: ['http://localhost:3030/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
    },
    redirects: ['http://localhost:3030/callback'],
  },
  {
    client: 'TypeScript SDK, derived application_type',
    body: {
      client_name: 'A terminal client',
      redirect_uris: ['http://localhost:8090/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      application_type: 'native',
    },
    redirects: ['http://localhost:8090/callback', 'http://localhost:8091/callback'],
  },
  {
    client: 'a client that sends redirect URIs alone',
    body: { redirect_uris: ['http://[::1]:5000/callback'] },
    redirects: ['http://[::1]:5001/callback'],
  },
];
