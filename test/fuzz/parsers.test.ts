import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createRegistrationEndpoint } from '../../src/authorization-server/registration/registration-endpoint.ts';
import { systemRandom } from '../../src/platform/random.ts';
import { createSealer } from '../../src/platform/sealing/sealer.ts';
import { parseClientName } from '../../src/protocol/client-name.ts';
import { OAuthError } from '../../src/protocol/oauth-error.ts';
import { parseParameters } from '../../src/protocol/parameters.ts';
import { parseCodeChallenge, parseCodeVerifier } from '../../src/protocol/pkce.ts';
import { parseRedirectUri } from '../../src/protocol/redirect-uri.ts';
import { canonicalResource } from '../../src/protocol/resource-uri.ts';
import { requestScope } from '../../src/protocol/scope.ts';
import { createClients } from '../../src/services/clients/clients.ts';
import { readFormRequest } from '../../src/services/requests/form-request.ts';
import { readJsonRequest } from '../../src/services/requests/json-request.ts';
import { openAccessToken } from '../../src/services/tokens/access-token.ts';
import { openAuthorizationCode } from '../../src/services/tokens/authorization-code.ts';
import { openRefreshToken } from '../../src/services/tokens/refresh-token.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { oneResource } from '../support/one-resource.ts';
import { registrationFixtures } from '../support/registrations.ts';

const sealer = createSealer({
  secrets: ['a secret of at least thirty-two bytes'],
  context: 'https://gatehouse.test',
  random: systemRandom,
});
const rules = { privateUseSchemes: ['cursor'] };
const clients = createClients({
  sealer,
  clock: new FakeClock(),
  registrationTtlSeconds: undefined,
  ...rules,
});

/** Text as it comes from strangers: any UTF-16, and URLs and words of ours with something wrong in them. */
const hostile = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc
    .tuple(
      fc.constantFrom(
        'https://',
        'http://localhost',
        'http://127.0.0.1:',
        'cursor://',
        'mgh_cl_',
        'javascript:',
        '//',
      ),
      fc.string(),
    )
    .map((parts) => parts.join('')),
);

async function expectOnlyOAuthErrors(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    expect(error.description).toMatch(/^[\x20-\x7e]+$/);
  }
}

const parsers: ReadonlyArray<readonly [string, (text: string) => unknown]> = [
  ['parseRedirectUri', (text) => parseRedirectUri(text, rules)],
  ['parseClientName', parseClientName],
  ['parseParameters', (text) => parseParameters(new URLSearchParams(text))],
  ['parseCodeChallenge', (text) => parseCodeChallenge(text, text)],
  ['parseCodeChallenge with S256', (text) => parseCodeChallenge(text, 'S256')],
  ['parseCodeVerifier', parseCodeVerifier],
  ['canonicalResource', canonicalResource],
  ['resources.resolve', (text) => oneResource('https://a.test', 'https://a.test/mcp').resolve([text])],
  ['requestScope', (text) => requestScope(text, { declared: [{ name: 'mcp', includes: [] }], defaults: [] })],
  ['clients.find', (text) => clients.find(text)],
  ['openAccessToken', (text) => openAccessToken(sealer, text)],
  ['openAuthorizationCode', (text) => openAuthorizationCode(sealer, text)],
  ['openRefreshToken', (text) => openRefreshToken(sealer, text)],
];

describe('parsers of what strangers send', () => {
  it.each(parsers)('%s throws nothing but OAuthError', async (_, parse) => {
    await fc.assert(
      fc.asyncProperty(hostile, (text) => expectOnlyOAuthErrors(() => parse(text))),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['readJsonRequest', 'application/json', readJsonRequest],
    ['readFormRequest', 'application/x-www-form-urlencoded', readFormRequest],
  ])('%s throws nothing but OAuthError', async (_, type, read) => {
    const body = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => new TextEncoder().encode(text)),
    );
    await fc.assert(
      fc.asyncProperty(
        body,
        fc.oneof(fc.constant(type), fc.string({ unit: 'grapheme-ascii' })),
        (bytes, sentType) =>
          expectOnlyOAuthErrors(() =>
            read(
              new Request('https://gatehouse.test/x', {
                method: 'POST',
                headers: { 'Content-Type': sentType },
                body: new Uint8Array(bytes),
              }),
            ),
          ),
      ),
      { numRuns: 500 },
    );
  });
});

describe('registration of metadata with something wrong in it', () => {
  const endpoint = createRegistrationEndpoint({
    issuer: 'https://gatehouse.test',
    clients,
    sealer,
    grantTypes: ['authorization_code', 'refresh_token'],
    emit: () => {},
    ...rules,
  });
  const member = fc.constantFrom(
    'redirect_uris',
    'client_name',
    'grant_types',
    'response_types',
    'application_type',
    'token_endpoint_auth_method',
    'scope',
    'jwks',
    'jwks_uri',
    'client_id',
    '__proto__',
    'constructor',
    'toString',
  );
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), hostile, fc.array(hostile, { maxLength: 6 }));
  const metadata = fc
    .tuple(fc.constantFrom(...registrationFixtures), fc.array(fc.tuple(member, value), { maxLength: 3 }))
    .map(
      ([{ body }, changes]) =>
        Object.fromEntries([...Object.entries(body), ...changes]) as Record<string, unknown>,
    );

  it('is either refused as an OAuth error or answered whole, and what was answered can be found', async () => {
    await fc.assert(
      fc.asyncProperty(metadata, (body) =>
        expectOnlyOAuthErrors(async () => {
          const response = await endpoint(
            new Request('https://gatehouse.test/register', {
              method: 'POST',
              headers: { 'Content-Type': 'application/json' },
              body: JSON.stringify(body),
            }),
            { requestId: 'r', clientAddress: '192.0.2.1' },
          );
          const answer = (await response.json()) as Record<string, unknown>;
          const client = await clients.find(answer['client_id'] as string);
          expect(answer['redirect_uris']).toEqual(client.redirectUris);
          expect(answer['client_name']).toBe(client.name);
          expect(client.redirectUris.length).toBeGreaterThan(0);
          for (const uri of client.redirectUris) expect(parseRedirectUri(uri, rules)).toBe(uri);
        }),
      ),
      { numRuns: 1500 },
    );
  });
});
