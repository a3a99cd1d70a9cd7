import { describe, expect, it } from 'vitest';

import { describeAsResource } from '../../../test/support/one-resource.ts';
import { createResourceMetadataEndpoint } from './resource-metadata-endpoint.ts';

const issuer = 'https://gatehouse.test';
const resource = 'https://gatehouse.test/mcp';
const context = { requestId: 'r-1', clientAddress: '192.0.2.1' };

async function fetchDocument(
  title: string | undefined,
  headers: Record<string, string> = {},
): Promise<{ response: Response; text: string }> {
  const endpoint = createResourceMetadataEndpoint({ issuer, resource: describeAsResource(resource, title) });
  const request = new Request(`${issuer}/.well-known/oauth-protected-resource/mcp`, { headers });
  const response = await endpoint(request, context);
  return { response, text: await response.clone().text() };
}

describe('protected resource metadata (RFC 9728)', () => {
  it('names the mount without an added slash, the issuer and the header method', async () => {
    const { text } = await fetchDocument(undefined);

    expect(JSON.parse(text)).toEqual({
      resource: 'https://gatehouse.test/mcp',
      authorization_servers: ['https://gatehouse.test'],
      bearer_methods_supported: ['header'],
    });
  });

  it('carries the name of the resource when there is one', async () => {
    const { text } = await fetchDocument('Weather "tools"');

    expect(JSON.parse(text)).toMatchObject({ resource_name: 'Weather "tools"' });
  });

  it('is JSON that may be cached for five minutes', async () => {
    const { response } = await fetchDocument(undefined);

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
  });

  it('takes no part of itself from the request', async () => {
    const foreign = { host: 'evil.test', 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'http' };
    const { text } = await fetchDocument(undefined, foreign);

    expect(text).not.toContain('evil.test');
    expect(text).not.toContain('http:');
  });
});
