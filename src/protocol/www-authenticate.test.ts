import { describe, expect, it } from 'vitest';

import { formatBearerChallenge } from './www-authenticate.ts';

const resourceMetadata = 'https://gatehouse.test/.well-known/oauth-protected-resource/mcp';

describe('formatBearerChallenge (RFC 6750 §3, RFC 9728 §5.1)', () => {
  it('names the metadata alone when no token was presented', () => {
    expect(formatBearerChallenge({ resourceMetadata })).toBe(
      `Bearer resource_metadata="${resourceMetadata}"`,
    );
  });

  it('quotes every value and separates them by commas', () => {
    expect(
      formatBearerChallenge({
        resourceMetadata,
        scope: 'mcp:read mcp:write',
        error: 'insufficient_scope',
        errorDescription: 'more is needed',
      }),
    ).toBe(
      'Bearer error="insufficient_scope", error_description="more is needed", ' +
        `scope="mcp:read mcp:write", resource_metadata="${resourceMetadata}"`,
    );
  });

  it('lets no value end its quotes, add a parameter or a header line', () => {
    const challenge = formatBearerChallenge({
      resourceMetadata,
      errorDescription: 'a" x="b\\" y="\r\nSet-Cookie: z=1\0é',
    });
    expect(challenge).toBe(
      String.raw`Bearer error_description="a\" x=\"b\\\" y=\"Set-Cookie: z=1", ` +
        `resource_metadata="${resourceMetadata}"`,
    );
    expect(challenge).toMatch(/^[\x20-\x7e]+$/);
    expect(() => new Headers({ 'WWW-Authenticate': challenge })).not.toThrow();
  });
});
