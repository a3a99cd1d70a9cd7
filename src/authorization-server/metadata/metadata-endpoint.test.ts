import { describe, expect, it } from 'vitest';

import { createAuthorizationServerMetadataEndpoint } from './metadata-endpoint.ts';

const issuer = 'https://gatehouse.test';
const context = { requestId: 'r-1', clientAddress: '192.0.2.1' };

async function fetchDocument(
  deps: Parameters<typeof createAuthorizationServerMetadataEndpoint>[0] = { issuer },
  headers: Record<string, string> = {},
): Promise<{ response: Response; document: Record<string, unknown> }> {
  const endpoint = createAuthorizationServerMetadataEndpoint(deps);
  const request = new Request(`${issuer}/.well-known/oauth-authorization-server`, { headers });
  const response = await endpoint(request, context);
  return { response, document: (await response.clone().json()) as Record<string, unknown> };
}

describe('authorization server metadata (RFC 8414)', () => {
  it('holds exactly what is true of this server', async () => {
    const { document } = await fetchDocument();

    expect(document).toEqual({
      issuer: 'https://gatehouse.test',
      authorization_endpoint: 'https://gatehouse.test/authorize',
      token_endpoint: 'https://gatehouse.test/token',
      registration_endpoint: 'https://gatehouse.test/register',
      revocation_endpoint: 'https://gatehouse.test/revoke',
      revocation_endpoint_auth_methods_supported: ['none'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      authorization_response_iss_parameter_supported: true,
    });
  });

  it('is JSON that may be cached for five minutes', async () => {
    const { response } = await fetchDocument();

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
  });

  it('holds no null and no empty array', async () => {
    const { document } = await fetchDocument();

    for (const value of Object.values(document)) {
      expect(value).not.toBeNull();
      expect(value).not.toEqual([]);
    }
  });

  it('lists the scopes there are at the moment, each once', async () => {
    let scopes = ['files:read', 'mail', 'files:read'];
    const deps = { issuer, scopes: () => scopes };
    const endpoint = createAuthorizationServerMetadataEndpoint(deps);
    const read = async (): Promise<unknown> =>
      ((await (await endpoint(new Request(issuer), context)).json()) as Record<string, unknown>)[
        'scopes_supported'
      ];

    expect(await read()).toEqual(['files:read', 'mail']);
    scopes = ['mail'];
    expect(await read()).toEqual(['mail']);
  });

  it('names the registration endpoint only while clients may register', async () => {
    const { document } = await fetchDocument({ issuer, registrationEnabled: false });

    expect(document).not.toHaveProperty('registration_endpoint');
  });

  it('names the introspection endpoint only while resource servers may ask', async () => {
    const { document } = await fetchDocument({ issuer, introspectionEnabled: true });

    expect(document).toMatchObject({
      introspection_endpoint: 'https://gatehouse.test/introspect',
      introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
    });
  });

  it('takes no part of itself from the request', async () => {
    const foreign = { host: 'evil.test', 'x-forwarded-host': 'evil.test', forwarded: 'host=evil.test' };
    const { response } = await fetchDocument({ issuer }, foreign);

    expect(await response.text()).not.toContain('evil.test');
  });
});
