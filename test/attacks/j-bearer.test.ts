import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { createSealer } from '../../src/platform/sealing/sealer.ts';
import { fingerprintClientId } from '../../src/services/clients/client.ts';
import { createDeniedClients } from '../../src/services/clients/denied-clients.ts';
import { sealAccessToken } from '../../src/services/tokens/access-token.ts';
import { sealAuthorizationCode } from '../../src/services/tokens/authorization-code.ts';
import { personKey } from '../../src/services/tokens/cut-off.ts';
import { sealRefreshToken } from '../../src/services/tokens/refresh-token.ts';
import { createRevocations } from '../../src/services/tokens/revocations.ts';
import { callMount } from '../support/answering-upstream.ts';
import { authorizeUrl, postForm, refresh, signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import type { CallOptions } from '../support/mount-client.ts';
import { type ProxiedPath, startProxiedPath } from '../support/proxied-path.ts';
import { replyJson } from '../support/recording-upstream.ts';
import { openStream, startStreamingUpstream, type StreamingUpstream } from '../support/streaming-upstream.ts';

let path: ProxiedPath;

beforeEach(async () => {
  path = await startProxiedPath({ upstreamAuthorization: 'Bearer upstream-credential' });
});

afterEach(async () => {
  expect(path.internalErrors).toEqual([]);
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
    path.revoked.add('revoked-grant');
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
    path.revoked.add('grant-1');
    expect((await path.call({ bearer, body: '{}' })).status).toBe(401);
    path.revoked.clear();
    path.clock.advance(3600);
    expect((await path.call({ bearer, body: '{}' })).status).toBe(401);
    expect(path.upstream.requests.length).toBe(1);
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
    await expectUnauthorized({ headers: { cookie: `access_token=${token}; Authorization=Bearer ${token}` } });
    await expectUnauthorized({ headers: { 'x-access-token': token, 'x-authorization': `Bearer ${token}` } });
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
    await raw.until(/^HTTP\/1\.1 400 /);
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

describe('attack 151: a token outlives what it stands on', () => {
  const closers: (() => Promise<void> | void)[] = [];

  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  async function open(options: TestGatehouseOptions): Promise<TestGatehouse> {
    const gatehouse = await createTestGatehouse({ ...options, upstream: `${path.upstream.origin}/mcp` });
    closers.push(() => gatehouse.close());
    return gatehouse;
  }

  /** Both are taken before, and the upstream hears no more of one and still of the other. */
  async function expectOneEnds(
    [ended, lasting]: readonly [TestGatehouse, TestGatehouse],
    [gone, kept]: readonly [string, string],
    end: () => Promise<unknown>,
  ): Promise<void> {
    path.upstream.answer = replyJson({});
    expect((await callMount(ended, gone)).status).toBe(200);
    await end();
    expect((await callMount(ended, gone)).status).toBe(401);
    const heard = path.upstream.requests.length;
    expect((await callMount(lasting, kept)).status).toBe(200);
    expect(path.upstream.requests.length).toBe(heard + 1);
  }

  it('151: the person is cut off', async () => {
    const gatehouse = await open({});
    const alice = await signIn(gatehouse);
    gatehouse.identityProvider.person = { ...gatehouse.identityProvider.person, subject: 'bob' };
    const bob = await signIn(gatehouse);
    const { store, clock } = gatehouse;
    const operator = createRevocations({ store, clock, onError: () => {} });
    closers.push(() => operator.close());
    const key = personKey(gatehouse.identityProvider.issuer, 'alice');
    await expectOneEnds([gatehouse, gatehouse], [alice.accessToken, bob.accessToken], () =>
      operator.cutOff({ kind: 'subject', key, before: clock.nowSeconds() + 1 }),
    );
  });

  it('151: the client is denied', async () => {
    const gatehouse = await open({});
    const [gone, kept] = [await signIn(gatehouse), await signIn(gatehouse)];
    const { store, clock } = gatehouse;
    const deps = { store, clock, onError: () => {} };
    const operator = { denied: createDeniedClients({ ...deps, registrationTtlSeconds: undefined }) };
    const revocations = createRevocations(deps);
    closers.push(() => operator.denied.close());
    closers.push(() => revocations.close());
    const client = fingerprintClientId(gone.client.clientId);
    await expectOneEnds([gatehouse, gatehouse], [gone.accessToken, kept.accessToken], async () => {
      await operator.denied.deny(client, 'operator');
      await revocations.cutOff({ kind: 'client', key: client, before: clock.nowSeconds() + 1 });
    });
    const refused = await refresh(gatehouse, gone.client.clientId, gone.refreshToken);
    expect([refused.status, await refused.json()]).toMatchObject([401, { error: 'invalid_client' }]);
    expect((await gatehouse.fetch(authorizeUrl(gatehouse, gone.client))).status).toBe(400);
    await operator.denied.allow(client);
    gatehouse.clock.advance(2);
    expect((await callMount(gatehouse, gone.accessToken)).status).toBe(401);
    await expect
      .poll(async () => (await gatehouse.fetch(authorizeUrl(gatehouse, gone.client))).status)
      .toBe(200);
  });

  it('151: the sealing secret is taken away', async () => {
    const [oldSecret, newSecret] = [
      'an-old-secret-of-the-test-0123456789',
      'a-new-secret-of-the-test-0123456789',
    ];
    const before = await open({ env: { TOKEN_SIGNING_SECRET: oldSecret } });
    const tokens = await signIn(before);
    const shared = { clock: before.clock, store: { ...before.store, close: () => Promise.resolve() } };
    const rotated = await open({
      ...shared,
      env: { TOKEN_SIGNING_SECRET: newSecret, TOKEN_SIGNING_SECRETS_PREVIOUS: oldSecret },
    });
    expect((await callMount(rotated, tokens.accessToken)).status).toBe(200);
    const retired = await open({ ...shared, env: { TOKEN_SIGNING_SECRET: newSecret } });
    expect((await callMount(retired, tokens.accessToken)).status).toBe(401);
    expect((await refresh(retired, tokens.client.clientId, tokens.refreshToken)).status).toBe(401);
  });
});

describe('attack 152: access is checked once, and the stream lives for days', () => {
  let upstream: StreamingUpstream;
  let gatehouse: TestGatehouse;

  beforeEach(async () => {
    upstream = await startStreamingUpstream();
    gatehouse = await createTestGatehouse({ upstream: upstream.url });
  });

  afterEach(async () => {
    await gatehouse.close();
    await upstream.close();
  });

  it('152: it ends, at the upstream too, when its client gives the token back', async () => {
    const [gone, kept] = [await signIn(gatehouse), await signIn(gatehouse)];
    const stream = await openStream(gatehouse, gone.accessToken);
    await openStream(gatehouse, kept.accessToken);
    const form = { token: gone.refreshToken, client_id: gone.client.clientId };
    expect((await postForm(gatehouse, '/revoke', form)).status).toBe(200);
    await stream.ended;
    await expect.poll(() => upstream.openStreams).toBe(1);
    const { metricsPort } = await gatehouse.listen();
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(metrics).toContain('gatehouse_revocation_to_last_byte_seconds_count 1\n');
  });

  it('152: it ends when its token does', async () => {
    const tokens = await signIn(gatehouse);
    const stream = await openStream(gatehouse, tokens.accessToken);
    gatehouse.clock.advance(3600);
    await stream.ended;
    await expect.poll(() => upstream.openStreams).toBe(0);
  });
});
