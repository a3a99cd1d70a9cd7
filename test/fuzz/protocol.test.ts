import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatAuthorizationResponse } from '../../src/protocol/authorization-response.ts';
import { computeCodeChallenge, checkCodeVerifier, parseCodeVerifier } from '../../src/protocol/pkce.ts';
import {
  findRedirectUriProblem,
  matchRedirectUri,
  parseRedirectUri,
  type VerifiedRedirectUri,
} from '../../src/protocol/redirect-uri.ts';
import { canonicalResource } from '../../src/protocol/resource-uri.ts';
import { formatBearerChallenge } from '../../src/protocol/www-authenticate.ts';
import { fingerprintClientId } from '../../src/services/clients/client.ts';
import {
  formatGrantRecord,
  type GrantRecord,
  parseGrantRecord,
} from '../../src/services/tokens/grant-record.ts';
import {
  type GrantTerms,
  packTerms,
  sealedTerms,
  unpackTerms,
} from '../../src/services/tokens/grant-terms.ts';

const rules = { privateUseSchemes: ['cursor'] };
const unreserved = fc.constantFrom(...Array.from('abcXYZ019-._~'));
const segment = fc.string({ unit: unreserved, minLength: 1, maxLength: 8 });
const path = fc.array(segment, { maxLength: 3 }).map((segments) => ['', ...segments].join('/'));
const port = fc.option(fc.integer({ min: 1024, max: 65_535 }));
const host = fc.constantFrom(
  'https://client.example',
  'http://localhost',
  'http://127.0.0.1',
  'http://[::1]',
);
const redirectUri = fc
  .tuple(host, port, path, fc.option(fc.tuple(segment, segment)))
  .map(([origin, at, rest, query]) =>
    [origin, at === null ? '' : `:${at}`, rest, query === null ? '' : `?x${query[0]}=${query[1]}`].join(''),
  )
  .filter((uri) => findRedirectUriProblem(uri, rules) === undefined);

describe('redirect URIs', () => {
  it('that are accepted read the same to a URL parser, and are https, loopback or enabled', () => {
    const edited = fc.tuple(redirectUri, fc.nat(), fc.string({ maxLength: 3 })).map(([uri, at, insert]) => {
      const start = at % (uri.length + 1);
      return uri.slice(0, start) + insert + uri.slice(start);
    });
    fc.assert(
      fc.property(edited, (uri) => {
        if (findRedirectUriProblem(uri, rules) !== undefined) return;
        const url = new URL(uri);
        expect([uri, uri.replace(/^([a-z]+:\/\/[^/?]+)/, '$1/')]).toContain(url.href);
        expect([url.username, url.password, url.hash]).toEqual(['', '', '']);
        if (url.protocol === 'http:') expect(['localhost', '127.0.0.1', '[::1]']).toContain(url.hostname);
        else expect(['https:', 'cursor:']).toContain(url.protocol);
      }),
      { numRuns: 5000 },
    );
  });

  it('match when they are equal or loopback with another port, and never otherwise', () => {
    fc.assert(
      fc.property(redirectUri, redirectUri, (requested, registered) => {
        const withoutPort = (uri: string): string =>
          uri.replace(/^(http:\/\/(?:\[::1\]|[a-z0-9.]+)):\d+/, '$1');
        const expected = requested === registered || withoutPort(requested) === withoutPort(registered);
        const found = matchRedirectUri(requested, [parseRedirectUri(registered, rules)]);
        expect(found).toBe(expected ? requested : undefined);
      }),
      { numRuns: 3000 },
    );
  });

  it('match on every port of the same loopback place', () => {
    fc.assert(
      fc.property(redirectUri, fc.integer({ min: 1024, max: 65_535 }), (registered, at) => {
        fc.pre(registered.startsWith('http:'));
        const requested = registered.replace(/^(http:\/\/(?:\[::1\]|[a-z0-9.]+))(?::\d+)?/, `$1:${at}`);
        expect(matchRedirectUri(requested, [parseRedirectUri(registered, rules)])).toBe(requested);
      }),
    );
  });
});

describe('authorization responses', () => {
  it('are read by the client as they were meant, whatever the state', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(redirectUri, fc.option(text, { nil: undefined }), segment, (uri, state, code) => {
        const verified = matchRedirectUri(uri, [parseRedirectUri(uri, rules)]) as VerifiedRedirectUri;
        const location = formatAuthorizationResponse(verified, {
          iss: 'https://gatehouse.test',
          state,
          code,
        });
        expect(location.startsWith(uri)).toBe(true);
        expect(location).toMatch(/^[\x21-\x7e]+$/);
        const read = new URL(location).searchParams;
        expect(read.getAll('code')).toEqual([code]);
        expect(read.getAll('state')).toEqual(state === undefined ? [] : [state]);
        expect(read.getAll('iss')).toEqual(['https://gatehouse.test']);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('bearer challenges', () => {
  it('are one header line whose quoted values read back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.webUrl(), (errorDescription, resourceMetadata) => {
        const header = formatBearerChallenge({ resourceMetadata, errorDescription, error: 'invalid_token' });
        const read = Object.fromEntries(
          [...header.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, quoted]) => [
            name,
            (quoted ?? '').replaceAll(/\\(.)/g, '$1'),
          ]),
        );
        expect(read).toEqual({
          error: 'invalid_token',
          error_description: errorDescription.replaceAll(/[^\x20-\x7e]/g, ''),
          resource_metadata: resourceMetadata,
        });
        expect(new Headers({ 'WWW-Authenticate': header }).get('www-authenticate')).toBe(header);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('canonical resources', () => {
  it('are their own canonical form', () => {
    fc.assert(
      fc.property(fc.webUrl(), (url) => {
        const canonical = canonicalResource(url);
        if (canonical !== undefined) expect(canonicalResource(canonical)).toBe(canonical);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('code verifiers', () => {
  it('fit the challenge made from them, and no other', () => {
    const verifier = fc.string({ unit: unreserved, minLength: 43, maxLength: 128 }).map(parseCodeVerifier);
    fc.assert(
      fc.property(verifier, verifier, (mine, other) => {
        const challenge = computeCodeChallenge(mine);
        expect(() => checkCodeVerifier(mine, challenge)).not.toThrow();
        fc.pre(mine !== other);
        expect(() => checkCodeVerifier(other, challenge)).toThrow();
      }),
    );
  });
});

describe('records and terms', () => {
  const text = fc.string({ unit: 'binary' });
  const base = { subject: text, client: text };
  const record: fc.Arbitrary<GrantRecord> = fc.oneof(
    fc.record({ stage: fc.constant('pending' as const), ...base }),
    fc.record({ stage: fc.constant('revoked' as const), cause: text, ...base }),
    fc.record({ stage: fc.constant('active' as const), current: text, ...base }),
    fc.record({
      stage: fc.constant('active' as const),
      current: text,
      previous: fc.record({ tokenId: text, rotatedAtMs: fc.nat(), successor: text }),
      ...base,
    }),
  );

  it('of a grant are read as they were written', () => {
    fc.assert(
      fc.property(record, (written) => {
        expect(parseGrantRecord(formatGrantRecord(written))).toEqual(written);
      }),
    );
  });

  it('of tokens are unpacked as they were packed', () => {
    const filled = fc.string({ unit: 'binary', minLength: 1 });
    const terms: fc.Arbitrary<GrantTerms> = fc.record({
      grantId: filled,
      identityIssuer: filled,
      subject: filled,
      email: fc.option(text, { nil: undefined }),
      name: fc.option(text, { nil: undefined }),
      groups: fc.array(text),
      client: filled.map(fingerprintClientId),
      resource: filled,
      scope: fc.array(text),
      grantedAt: fc.nat(),
      absoluteEnd: fc.nat(),
    });
    fc.assert(
      fc.property(terms, (packed) => {
        const travelled: unknown = JSON.parse(JSON.stringify(packTerms(packed)));
        expect(sealedTerms.matches(travelled) && unpackTerms(travelled)).toEqual(packed);
      }),
    );
  });
});
