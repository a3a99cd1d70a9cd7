import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { createSealer } from '../../src/platform/sealing/sealer.ts';
import { sealAccessToken } from '../../src/services/tokens/access-token.ts';
import { sealAuthorizationCode } from '../../src/services/tokens/authorization-code.ts';
import { sealRefreshToken } from '../../src/services/tokens/refresh-token.ts';
import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import type { CallOptions } from '../support/mount-client.ts';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts';

describe.each(lanes)('on the %s', (_lane, lane) => {
  let path: AttackedHouse<RecordingUpstream>;

  beforeEach(async () => {
    const credential = { UPSTREAM_AUTHORIZATION_HEADER: 'Bearer upstream-credential' };
    path = await startAttackedHouse(await startRecordingUpstream(), { ...credential, ...lane });
  });

  afterEach(async () => {
    expect(path.internalErrors()).toEqual([]);
    await path.close();
  });

  const bareChallenge = (): string => `Bearer resource_metadata="${path.metadataUrl}"`;

  /** Expects a 401 with one challenge, and that the upstream never heard of the call. */
  async function expectUnauthorized(call: CallOptions, error?: 'invalid_token'): Promise<void> {
    const answer = await path.call({ bearer: null, ...call });
    expect(answer.status).toBe(401);
    const challenge = answer.headers['www-authenticate'];
    expect(challenge).toContain(`resource_metadata="${path.metadataUrl}"`);
    if (error === undefined) expect(challenge).toBe(bareChallenge());
    else expect(challenge).toContain(`error="${error}"`);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['content-type']).toBe('application/json');
    expect(typeof (await answer.json())['error_description']).toBe('string');
    expect(path.upstream.openConnections).toBe(0);
    expect(path.upstream.requests).toEqual([]);
  }

  describe('attack 139: a broken token is let through', () => {
    function brokenTokens(): Record<string, string> {
      const { terms, seal } = path;
      const now = path.clock.nowSeconds();
      const good = path.issue();
      const otherKey = createSealer({
        secrets: ['another secret that is long enough 0123456789'],
        context: 'https://gatehouse.test',
        random: systemRandom,
      });
      const access = { terms, issuedAt: now, expiresAt: now + 3600 };
      return {
        garbage: 'garbage',
        'null bytes': `mgh_at_${'A'.repeat(300)}`,
        'only the prefix': 'mgh_at_',
        'cut short': good.slice(0, -4),
        'with a tail': `${good}AAAA`,
        'with padding': `${good}=`,
        tampered: good.slice(0, 60) + (good[60] === 'A' ? 'B' : 'A') + good.slice(61),
        'of another key': sealAccessToken(otherKey, access),
        'a JWT': 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.',
        expired: sealAccessToken(seal, { ...access, expiresAt: now }),
        'for the issuer instead of the mount': path.issue({ resource: 'https://gatehouse.test' }),
        'for a sibling': path.issue({ resource: `${path.resource}2` }),
        revoked: path.issue({ grantId: 'revoked-grant' }),
        'a refresh token': sealRefreshToken(seal, { terms, tokenId: 't', expiresAt: now + 99 }),
        'a refresh token in disguise': sealRefreshToken(seal, {
          terms,
          tokenId: 't',
          expiresAt: now + 99,
        }).replace('mgh_rt_', 'mgh_at_'),
        'a code': sealAuthorizationCode(seal, {
          terms,
          redirectUri: 'http://127.0.0.1/callback',
          codeChallenge: 'c'.repeat(43) as never,
          expiresAt: now + 60,
        }),
        'too long': `mgh_at_${'A'.repeat(10_000)}`,
      };
    }

    it.each(['POST', 'GET', 'DELETE'])(
      'every broken token is a 401 on %s, and nothing is forwarded',
      async (method) => {
        await path.revokeGrant('revoked-grant');
        for (const [kind, token] of Object.entries(brokenTokens())) {
          await expectUnauthorized({ method, bearer: token }, 'invalid_token').catch((error: unknown) => {
            throw new Error(`token ${kind}`, { cause: error });
          });
        }
      },
    );

    it.each(['POST', 'GET', 'DELETE'])('no token is a 401 without an error code on %s', async (method) => {
      await expectUnauthorized({ method });
      await expectUnauthorized({ method, headers: { authorization: 'Bearer ' } });
      await expectUnauthorized({ method, headers: { authorization: '' } });
    });

    it('the same refusal is the same bytes, each time', async () => {
      const challenges = new Set<string | undefined>();
      for (let count = 0; count < 3; count += 1) {
        challenges.add((await path.call({ bearer: 'garbage' })).headers['www-authenticate']);
      }
      expect(challenges.size).toBe(1);
    });

    it('a token that dies between two calls is refused at the second', async () => {
      const bearer = path.issue();
      expect((await path.call({ bearer, body: '{}' })).status).toBe(200);
      await path.revokeGrant('grant-1');
      expect((await path.call({ bearer, body: '{}' })).status).toBe(401);
      const other = path.issue({ grantId: 'grant-2' });
      expect((await path.call({ bearer: other, body: '{}' })).status).toBe(200);
      path.clock.advance(3600);
      expect((await path.call({ bearer: other, body: '{}' })).status).toBe(401);
      expect(path.upstream.requests.length).toBe(2);
    });
  });

  describe('attack 140: the token comes some other way', () => {
    it('in the query it is no credential', async () => {
      await expectUnauthorized({ target: `/mcp?access_token=${path.issue()}` });
    });

    it('in a form body, a cookie or a header of another name it is no credential', async () => {
      const token = path.issue();
      await expectUnauthorized({
        body: `access_token=${token}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      await expectUnauthorized({
        headers: { cookie: `access_token=${token}; Authorization=Bearer ${token}` },
      });
      await expectUnauthorized({
        headers: { 'x-access-token': token, 'x-authorization': `Bearer ${token}` },
      });
      await expectUnauthorized({ headers: { 'sec-websocket-protocol': `bearer, ${token}` } });
      await expectUnauthorized({ headers: { 'proxy-authorization': `Bearer ${token}` } });
    });

    it.each(['access_token', 'ACCESS_TOKEN', 'access%5Ftoken'])(
      'in the query as %s beside a good header the request is refused',
      async (name) => {
        const answer = await path.call({ target: `/mcp?${name}=${path.issue()}` });
        expect(answer.status).toBe(400);
        expect(await answer.json()).toMatchObject({ error: 'invalid_request' });
        expect(path.upstream.requests).toEqual([]);
      },
    );

    it('twice in Authorization it is no credential, whichever comes first', async () => {
      for (const lines of [
        [`Bearer ${path.issue()}`, 'Bearer garbage'],
        ['Basic YTpi', `Bearer ${path.issue()}`],
      ]) {
        const raw = path.connect();
        raw.socket.write(
          `GET /mcp HTTP/1.1\r\nHost: x\r\n${lines.map((line) => `Authorization: ${line}\r\n`).join('')}\r\n`,
        );
        await raw.until(/^HTTP\/1\.1 401 /);
      }
      expect(path.upstream.requests).toEqual([]);
    });
  });

  describe('attack 142: another scheme', () => {
    it.each([
      'Basic YWxpY2U6eA==',
      'DPoP abc',
      'Negotiate abc',
      'Digest x',
      'Bearerx abc',
      'Token abc',
      'bearer',
    ])('%s gets the bare challenge', async (authorization) => {
      await expectUnauthorized({ headers: { authorization } });
    });
  });

  describe('attack 143: the request writes into the challenge', () => {
    it.each([
      ['/mcp/x"y', undefined],
      ['/mcp/%22%0d%0aX-Injected:%20y', undefined],
      ['/mcp', 'evil.example"\\'],
      ['/mcp', 'evil.example:1/x'],
    ])('target %j and Host %j leave no trace in an answer', async (target, host) => {
      const raw = path.connect();
      raw.socket.write(
        `GET ${target} HTTP/1.1\r\nHost: ${host ?? 'x'}\r\nX-Forwarded-Host: evil.example\r\n\r\n`,
      );
      const text = await raw.until(/^HTTP\/1\.1 40[01] [^]*}$/);
      expect(text.toLowerCase()).not.toContain('evil');
      expect(text.toLowerCase()).not.toContain('x-injected');
      const challenge = /^www-authenticate: (.*)\r$/im.exec(text)?.[1];
      if (challenge !== undefined) expect(challenge).toBe(bareChallenge());
      expect(path.upstream.requests).toEqual([]);
    });
  });

  describe('attack 145: a path beside the mount', () => {
    it.each([
      '/mcp-admin',
      '/mcp2',
      '/mcp/..%2fadmin',
      '/mcp%2fadmin',
      '/mcp/../admin',
      '/MCP',
      '//mcp',
      '/mcp;x',
    ])('%s is not reached with a token for the mount', async (target) => {
      const raw = path.connect();
      raw.socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\n\r\n`);
      await raw.until(/^HTTP\/1\.1 40[04] /);
      expect(path.upstream.requests).toEqual([]);
    });
  });

  describe('attack 146: credentials of the client reach the upstream', () => {
    it('none do: bearer, cookies, proxy credentials and proofs end here', async () => {
      const bearer = path.issue();
      await path.call({
        bearer,
        body: '{}',
        headers: {
          cookie: 'session=secret-cookie',
          'proxy-authorization': 'Basic secret-proxy',
          dpop: 'secret-proof',
          'x-api-key': 'secret-key',
          'x-access-token': bearer,
        },
      });
      const [sent] = path.upstream.requests;
      expect(sent?.header('authorization')).toEqual(['Bearer upstream-credential']);
      const everything = JSON.stringify(sent?.headerLines) + sent?.rawBody();
      expect(everything).not.toContain(bearer);
      expect(everything).not.toContain('secret-');
    });
  });
});
