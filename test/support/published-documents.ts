/** What clients in the field publish as their metadata document, and where they are called back. */
export interface PublishedDocument {
  readonly client: string;
  readonly document: Readonly<Record<string, unknown>> & { readonly client_id: string };
  readonly redirects: readonly string[];
}

export const publishedDocuments: readonly PublishedDocument[] = [
  {
    client: 'Claude',
    document: {
      client_id: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
      client_name: 'Claude',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirects: ['https://claude.ai/api/mcp/auth_callback'],
  },
  {
    client: 'Claude Code',
    document: {
      client_id: 'https://claude.ai/oauth/claude-code-client-metadata',
      client_name: 'Claude Code',
      redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirects: ['http://localhost:3118/callback', 'http://127.0.0.1:54212/callback'],
  },
  {
    client: 'Codex',
    document: {
      client_id: 'https://chatgpt.com/oauth/codex/client.json',
      client_name: 'Codex',
      redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'none',
    },
    redirects: ['http://127.0.0.1:60001/callback'],
  },
  {
    client: 'VS Code',
    document: {
      client_id: 'https://vscode.dev/oauth/client-metadata.json',
      client_name: 'Visual Studio Code',
      redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    redirects: ['http://127.0.0.1:33418/', 'http://127.0.0.1:40001/', 'https://vscode.dev/redirect'],
  },
  {
    client: 'Zed',
    document: {
      client_id: 'https://zed.dev/oauth/client-metadata.json',
      client_name: 'Zed',
      redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
      token_endpoint_auth_method: 'none',
    },
    redirects: ['http://127.0.0.1:51234/callback'],
  },
];
