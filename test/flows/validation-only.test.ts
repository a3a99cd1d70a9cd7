import { afterEach, describe, expect, it } from 'vitest';

import { lanes } from '../support/attacked-house.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/identity/token-issuer.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

let house: TestGatehouse;
let issuer: TokenIssuer;
let upstream: RecordingUpstream;

afterEach(async () => {
  expect(house.logged()).not.toMatch(/internal_error|token_check_failed/);
  await house.close();
  await upstream.close();
  await issuer.close();
});

async function start(env: Readonly<Record<string, string | undefined>> = {}): Promise<void> {
  const clock = new FakeClock();
  issuer = await startTokenIssuer(clock);
  upstream = await startRecordingUpstream();
  upstream.answer = replyJson({ served: true });
  house = await createTestGatehouse({
    clock,
    env: {
      OIDC_ISSUER_URL: undefined,
      OIDC_CLIENT_ID: undefined,
      OIDC_CLIENT_SECRET: undefined,
      ...env,
    },
    file: `
mounts:
  - name: notes
    url: /notes
    upstream: ${upstream.origin}/mcp
    accepts: { jwt: { issuer: "${issuer.origin}" } }
`,
  });
}

function call(token: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return house.fetch('/notes', {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
  });
}

describe.each(lanes)('a gatehouse that issues no tokens, on the %s', (_lane, env) => {
  it('lets people in with the tokens of their issuer, with or without a secret of its own', async () => {
    await start({ ...env, TOKEN_SIGNING_SECRET: undefined, SESSION_BINDING: 'off' });

    expect((await call(issuer.issue())).status).toBe(200);
    expect(upstream.requests[0]?.header('x-user-sub')).toEqual(['alice']);
    expect((await call('nonsense')).status).toBe(401);
    expect(upstream.requests).toHaveLength(1);
  });

  it('keeps sessions to their person all the same', async () => {
    await start(env);
    upstream.answer = replyJson({ served: true }, { 'mcp-session-id': 'of-alice' });
    const session = (await call(issuer.issue())).headers.get('mcp-session-id') ?? '';
    expect(session).not.toBe('');

    expect((await call(issuer.issue(), { 'mcp-session-id': session })).status).toBe(200);
    const stranger = await call(issuer.issue({ sub: 'bob' }), { 'mcp-session-id': session });
    expect(stranger.status).toBe(404);
    expect(upstream.requests).toHaveLength(2);
  });
});

describe('a gatehouse that issues no tokens', () => {
  it.each([
    '/authorize',
    '/consent',
    '/callback',
    '/register',
    '/registration',
    '/token',
    '/revoke',
    '/introspect',
    '/device',
    '/device_authorization',
    '/backchannel-logout',
    '/.well-known/oauth-authorization-server',
    '/.well-known/oauth-authorization-server/notes',
    '/.well-known/openid-configuration',
  ])('has nothing at %s', async (path) => {
    await start({ DEVICE_AUTHORIZATION: 'on' });

    for (const method of ['GET', 'POST']) {
      const response = await house.fetch(path, { method });
      expect(response.status).toBe(path.startsWith('/.well-known') && method === 'POST' ? 405 : 404);
    }
  });

  it('sends clients to the issuer, from the challenge on', async () => {
    await start();
    const refused = await house.fetch('/notes', { method: 'POST', body: '{}' });
    const challenge = refused.headers.get('www-authenticate') ?? '';
    const [, metadata = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];

    expect(await (await house.fetch(metadata)).json()).toMatchObject({
      resource: 'https://gatehouse.test/notes',
      authorization_servers: [issuer.origin],
    });
    const root = await house.fetch('/.well-known/oauth-protected-resource');
    expect(await root.json()).toMatchObject({ authorization_servers: [issuer.origin] });
  });

  it('is ready, and says nothing of identity providers', async () => {
    await start();
    const { metricsPort } = await house.listen();
    const response = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok', store: 'ok' });
  });

  it('goes over to other mounts and keeps what it is', async () => {
    await start();
    const [notes] = house.config.mounts;
    expect((await call(issuer.issue())).status).toBe(200);
    await house.gateway.reload({
      ...house.config,
      mounts: [notes, { ...notes, name: 'more', path: '/more' }],
    });

    expect((await call(issuer.issue())).status).toBe(200);
    expect((await house.fetch('/.well-known/oauth-protected-resource/more')).status).toBe(200);
    expect((await house.fetch('/token', { method: 'POST' })).status).toBe(404);
  });
});
