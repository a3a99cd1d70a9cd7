import { afterEach, describe, expect, it } from 'vitest';

import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import { StoreError } from '../../src/platform/store/store.ts';
import { OAuthError } from '../../src/protocol/oauth-error.ts';
import { callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { FakeClock } from '../support/fake-clock.ts';
import {
  obtainCode,
  postForm,
  redeem,
  refresh,
  registerClient,
  type SignedIn,
  signIn,
} from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';

let gatehouse: TestGatehouse;

afterEach(() => gatehouse.close());

async function open(options: TestGatehouseOptions = {}): Promise<void> {
  gatehouse = await createTestGatehouse(options);
}

function codeForm(signedIn: SignedIn, overrides: Record<string, string> = {}): Record<string, string> {
  return {
    grant_type: 'authorization_code',
    code: signedIn.code,
    redirect_uri: signedIn.redirectUri,
    client_id: signedIn.client.clientId,
    code_verifier: signedIn.verifier,
    ...overrides,
  };
}

async function errorOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { error?: unknown }).error;
}

interface TokenBody {
  readonly access_token: string;
  readonly refresh_token: string;
}

async function readTokens(response: Response): Promise<TokenBody> {
  expect(response.status).toBe(200);
  return (await response.json()) as TokenBody;
}

function reasons(): readonly string[] {
  return gatehouse.events.flatMap((event) => (event.type === 'request_refused' ? [event.reason] : []));
}

describe('H. token endpoint', () => {
  it('104: takes form POSTs alone and refuses in JSON', async () => {
    await open();
    const signedIn = await obtainCode(gatehouse);
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH']) {
      const refused = await gatehouse.fetch('/token', { method, headers: { accept: 'text/html' } });
      expect([method, refused.status]).toEqual([method, 405]);
      expect(refused.headers.get('allow')).toContain('POST');
      expect(refused.headers.get('content-type')).toBe('application/json');
    }
    for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain', '']) {
      const refused = await gatehouse.fetch('/token', {
        method: 'POST',
        headers: { 'content-type': type, accept: 'text/html' },
        body: new URLSearchParams(codeForm(signedIn)).toString(),
      });
      expect([type, refused.status, await errorOf(refused)]).toEqual([type, 400, 'invalid_request']);
    }
    expect((await redeem(gatehouse, signedIn)).status).toBe(200);
  });

  it('105: says no-store and application/json on success and refusal', async () => {
    await open();
    const signedIn = await obtainCode(gatehouse);
    const answers = [
      await redeem(gatehouse, signedIn),
      await redeem(gatehouse, signedIn),
      await postForm(gatehouse, '/token', {}),
      await gatehouse.fetch('/token'),
    ];
    for (const answer of answers) {
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('content-type')).toBe('application/json');
    }
  });

  it.each([
    [{ code_verifier: '' }, 'invalid_request', 'pkce_missing'],
    [{ code_verifier: 'short' }, 'invalid_request', 'pkce_malformed'],
    [{ code_verifier: 'w'.repeat(43) }, 'invalid_grant', 'pkce_mismatch'],
  ])('106: refuses the verifier of %o', async (overrides, error, reason) => {
    await open();
    const signedIn = await obtainCode(gatehouse);
    const refused = await postForm(gatehouse, '/token', codeForm(signedIn, overrides));
    expect(await errorOf(refused)).toBe(error);
    expect(reasons()).toEqual([reason]);
    expect((await redeem(gatehouse, signedIn)).status).toBe(200);
  });

  it('107: refuses the code of another client and another redirect URI', async () => {
    await open();
    const signedIn = await obtainCode(gatehouse);
    const other = await registerClient(gatehouse, { client_name: 'Another' });
    for (const overrides of [
      { client_id: other.clientId },
      { redirect_uri: `${signedIn.redirectUri}/` },
      { redirect_uri: `${signedIn.redirectUri}?x=1` },
    ]) {
      const refused = await postForm(gatehouse, '/token', codeForm(signedIn, overrides));
      expect([refused.status, await errorOf(refused)]).toEqual([400, 'invalid_grant']);
    }
    expect((await redeem(gatehouse, signedIn)).status).toBe(200);
  });

  it('108, 109, 110: clients are public: a header is refused with a challenge, an assertion proves nothing', async () => {
    await open();
    const signedIn = await obtainCode(gatehouse);
    const authorization = `Basic ${Buffer.from(`${signedIn.client.clientId}:`).toString('base64')}`;
    const refused = await postForm(gatehouse, '/token', codeForm(signedIn), { authorization });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Basic realm="token"');
    expect(await errorOf(refused)).toBe('invalid_client');
    const { client_id: _, ...withoutClient } = codeForm(signedIn, {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'eyJhbGciOiJub25lIn0.e30.',
    });
    expect((await postForm(gatehouse, '/token', withoutClient)).status).toBe(401);
    expect((await redeem(gatehouse, signedIn)).status).toBe(200);
  });

  it('111: names an unsupported grant type as such, never unauthorized_client', async () => {
    await open();
    const signedIn = await obtainCode(gatehouse);
    const refused = await postForm(
      gatehouse,
      '/token',
      codeForm(signedIn, { grant_type: 'client_credentials' }),
    );
    expect([refused.status, await errorOf(refused)]).toEqual([400, 'unsupported_grant_type']);
    expect(await errorOf(await postForm(gatehouse, '/token', {}))).toBe('invalid_request');
  });

  it('112: takes the authorized resource, or none, and no other', async () => {
    await open();
    const signedIn = await obtainCode(gatehouse);
    for (const resource of ['https://evil.test/mcp', 'https://gatehouse.test/other', 'not a uri']) {
      const refused = await postForm(gatehouse, '/token', codeForm(signedIn, { resource }));
      expect([refused.status, await errorOf(refused)]).toEqual([400, 'invalid_target']);
    }
    const two = new URLSearchParams(codeForm(signedIn, { resource: gatehouse.resource }));
    two.append('resource', 'https://evil.test/mcp');
    const refused = await gatehouse.fetch('/token', { method: 'POST', body: two });
    expect(await errorOf(refused)).toBe('invalid_target');
    const taken = await postForm(gatehouse, '/token', codeForm(signedIn, { resource: gatehouse.resource }));
    expect(taken.status).toBe(200);
  });

  it('113: answers Bearer, a whole expires_in, and no null', async () => {
    await open();
    const body = (await (await redeem(gatehouse, await obtainCode(gatehouse))).json()) as object;
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3595 });
    expect(Object.values(body)).not.toContain(null);
  });

  it('114: asks the identity provider nothing when it refreshes', async () => {
    await open();
    const tokens = await signIn(gatehouse);
    const down = new OAuthError('bad_gateway', 'down', { reason: 'idp_unavailable' });
    gatehouse.identityProvider.failWith(down);
    const asked = gatehouse.identityProvider.finishedLogins.length;
    await readTokens(await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken));
    expect(gatehouse.identityProvider.finishedLogins).toHaveLength(asked);
    expect(gatehouse.identityProvider.startedLogins).toHaveLength(1);
  });

  it('115: limits guesses from one address', async () => {
    await open({ env: { RATE_LIMIT_ENABLED: 'true' } });
    const statuses: number[] = [];
    for (let guess = 0; guess < 61; guess += 1) {
      statuses.push((await postForm(gatehouse, '/token', { grant_type: 'x' })).status);
    }
    expect(statuses.slice(0, 60).every((status) => status === 400)).toBe(true);
    expect(statuses[60]).toBe(429);
  });
});

describe('I. refresh tokens', () => {
  it('116, 122: every code grant gets a refresh token, and each refresh another', async () => {
    await open();
    const tokens = await signIn(gatehouse, { overrides: { scope: undefined } });
    const next = await readTokens(await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken));
    expect(next.refresh_token).not.toBe(tokens.refreshToken);
  });

  it('117: reuse after the window ends the grant and is told', async () => {
    await open();
    const tokens = await signIn(gatehouse);
    const clientId = tokens.client.clientId;
    const next = await readTokens(await refresh(gatehouse, clientId, tokens.refreshToken));
    gatehouse.clock.advance(30);
    const reused = await refresh(gatehouse, clientId, tokens.refreshToken);
    expect(await reused.json()).toMatchObject({
      error: 'invalid_grant',
      error_code: 'refresh_reuse_detected',
    });
    expect(await errorOf(await refresh(gatehouse, clientId, next.refresh_token))).toBe('invalid_grant');
    expect(reasons()).toEqual(['refresh_reuse_detected', 'refresh_family_revoked']);
    expect(gatehouse.events.some((event) => event.type === 'grant_revoked')).toBe(true);
  });

  it('118, 119: repeated and parallel refreshes inside the window get one successor', async () => {
    await open();
    const tokens = await signIn(gatehouse);
    const answers = await Promise.all(
      Array.from({ length: 32 }, () =>
        refresh(gatehouse, tokens.client.clientId, tokens.refreshToken).then(readTokens),
      ),
    );
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1);
    expect(new Set(answers.map((answer) => answer.access_token)).size).toBe(32);
  });

  it('120: a refresh token is bound to client, resource and scope; naming the resource is optional', async () => {
    await open();
    const tokens = await signIn(gatehouse);
    const other = await registerClient(gatehouse, { client_name: 'Another' });
    const form = {
      grant_type: 'refresh_token',
      refresh_token: tokens.refreshToken,
      client_id: tokens.client.clientId,
    };
    for (const [overrides, error] of [
      [{ client_id: other.clientId }, 'invalid_grant'],
      [{ resource: 'https://evil.test/mcp' }, 'invalid_target'],
      [{ scope: 'bad "scope' }, 'invalid_scope'],
    ] as const) {
      const refused = await postForm(gatehouse, '/token', { ...form, ...overrides });
      expect([refused.status, await errorOf(refused)]).toEqual([400, error]);
    }
    // No scope was granted, so none can be asked for: the parameter is dropped, as the authorization endpoint does.
    const named = { ...form, resource: gatehouse.resource, scope: 'offline_access' };
    const answer = await postForm(gatehouse, '/token', named);
    expect(await answer.json()).not.toHaveProperty('scope');
    expect(answer.status).toBe(200);
  });

  it('121: expired, unknown and malformed refresh tokens are invalid_grant; a dead client is invalid_client', async () => {
    await open();
    const tokens = await signIn(gatehouse);
    const clientId = tokens.client.clientId;
    for (const token of ['x', 'mgh_rt_AAAA', tokens.accessToken]) {
      const refused = await refresh(gatehouse, clientId, token);
      expect([refused.status, await errorOf(refused)]).toEqual([400, 'invalid_grant']);
    }
    const gone = await refresh(gatehouse, 'gone', tokens.refreshToken);
    expect([gone.status, await errorOf(gone)]).toEqual([401, 'invalid_client']);
    gatehouse.clock.advance(7 * 24 * 3600);
    const expired = await refresh(gatehouse, clientId, tokens.refreshToken);
    expect([expired.status, await errorOf(expired)]).toEqual([400, 'invalid_grant']);
  });

  it('121: a store that does not answer is no verdict on the token', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    let down = false;
    await open({
      clock,
      store: {
        ...store,
        get: (key) => (down ? Promise.reject(new StoreError('get', new Error('down'))) : store.get(key)),
      },
    });
    const tokens = await signIn(gatehouse);
    down = true;
    const refused = await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken);
    down = false;
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(await refused.json()).toMatchObject({
      error: 'temporarily_unavailable',
      error_code: 'replay_store_unavailable',
    });
    await readTokens(await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken));
  });

  it('122: an access token from a refresh is taken at the mount', async () => {
    const upstream = await startAnsweringUpstream();
    await open({ upstream: upstream.url });
    const tokens = await signIn(gatehouse);
    const next = await readTokens(await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken));
    expect((await callMount(gatehouse, next.access_token)).status).toBe(200);
    await upstream.close();
  });
});
