import { createHash } from 'node:crypto';

import { afterEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { createSealer } from '../../src/platform/sealing/sealer.ts';
import { fingerprintClientId } from '../../src/services/clients/client.ts';
import { clientPurpose } from '../../src/services/clients/clients.ts';
import { accessTokenPurpose } from '../../src/services/tokens/access-token.ts';
import { authorizationCodePurpose } from '../../src/services/tokens/authorization-code.ts';
import { refreshTokenPurpose } from '../../src/services/tokens/refresh-token.ts';
import { Browser } from '../support/browser.ts';
import { type AnsweringUpstream, callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import {
  authorizeUrl,
  createPkce,
  decide,
  obtainCode,
  postForm,
  readForm,
  redeem,
  refresh,
  registerClient,
  type SignedIn,
  signIn,
  type Tokens,
} from '../support/flow.ts';
import { createGatehousePair } from '../support/gatehouse-pair.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const gatehouse = await createTestGatehouse(options);
  closers.push(() => gatehouse.close());
  return gatehouse;
}

async function openWithUpstream(): Promise<{ gatehouse: TestGatehouse; upstream: AnsweringUpstream }> {
  const upstream = await startAnsweringUpstream();
  closers.push(() => upstream.close());
  return { gatehouse: await open({ upstream: upstream.url }), upstream };
}

describe('F. code exchange and token endpoint', () => {
  it('80: every way around PKCE is refused, and none of them spends the code', async () => {
    const gatehouse = await open();
    const client = await registerClient(gatehouse);
    for (const overrides of [
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge: '' },
      { code_challenge_method: undefined },
      { code_challenge_method: 'plain' },
      { code_challenge_method: 's256' },
    ]) {
      const refused = await gatehouse.fetch(authorizeUrl(gatehouse, client, overrides));
      const location = new URL(refused.headers.get('location') ?? 'none:');
      expect(location.searchParams.get('error')).toBe('invalid_request');
      expect(location.searchParams.get('code')).toBeNull();
    }

    const signedIn = await obtainCode(gatehouse, { client });
    const { verifier: foreign, challenge } = createPkce();
    const verifiers: Record<string, string>[] = [
      {},
      { code_verifier: '' },
      { code_verifier: ' ' },
      { code_verifier: ' '.repeat(43) },
      { code_verifier: foreign },
      { code_verifier: challenge },
      { code_verifier: `${signedIn.verifier}=` },
      { code_verifier: `${signedIn.verifier}A` },
      { 'code_verifier[]': signedIn.verifier },
      { 'code_verifier[0]': signedIn.verifier },
      { Code_verifier: signedIn.verifier },
    ];
    for (const fields of verifiers) {
      const refused = await postForm(gatehouse, '/token', { ...codeFields(signedIn), ...fields });
      expect(refused.status).toBe(400);
      expect(['invalid_request', 'invalid_grant']).toContain(await errorOf(refused));
    }
    expect(gatehouse.events.filter((event) => event.type === 'tokens_issued')).toEqual([]);
    expect((await redeem(gatehouse, signedIn)).status).toBe(200);
  });

  it('82: of 16 parallel redemptions of each of 200 codes over two replicas exactly one succeeds', async () => {
    const pair = await createGatehousePair();
    closers.push(() => pair.close());
    const [first, second] = pair.both;
    const client = await registerClient(first);
    let successes = 0;
    for (let index = 0; index < 200; index += 1) {
      const signedIn = await obtainCode(index % 2 === 0 ? first : second, { client });
      const attempts = Array.from({ length: 16 }, (_, attempt) =>
        redeem(attempt % 2 === 0 ? first : second, signedIn),
      );
      const statuses = (await Promise.all(attempts)).map((response) => response.status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      expect(statuses.filter((status) => status === 400)).toHaveLength(15);
      successes += 1;
    }
    expect(successes).toBe(200);
  });

  it('83: a replayed code ends what the first exchange issued, from the next request on', async () => {
    const { gatehouse, upstream } = await openWithUpstream();
    const tokens = await signIn(gatehouse);
    expect((await callMount(gatehouse, tokens.accessToken)).status).toBe(200);

    const replay = await redeem(gatehouse, tokens);

    expect(replay.status).toBe(400);
    expect(await replay.json()).toMatchObject({ error: 'invalid_grant', error_code: 'code_replay' });
    expect((await callMount(gatehouse, tokens.accessToken)).status).toBe(401);
    expect(upstream.calls).toHaveLength(1);
    const later = await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken);
    expect(later.status).toBe(400);
    expect(await errorOf(later)).toBe('invalid_grant');
    expect(gatehouse.events.filter((event) => event.type === 'grant_revoked')).toMatchObject([
      { cause: 'code_replay', subject: 'alice' },
    ]);
    expect(gatehouse.events.filter((event) => event.type === 'replay_detected')).toMatchObject([
      { kind: 'code' },
    ]);
  });

  it('84: a code presented by another client is refused and still good for its own', async () => {
    const gatehouse = await open();
    const signedIn = await obtainCode(gatehouse);
    const other = await registerClient(gatehouse, { client_name: 'Another' });

    const stolen = await redeem(gatehouse, { ...signedIn, client: other });

    expect(stolen.status).toBe(400);
    expect(await errorOf(stolen)).toBe('invalid_grant');
    expect((await redeem(gatehouse, signedIn)).status).toBe(200);
  });

  it('85: nothing sealed for one deployment opens at another with the same secret and store', async () => {
    const { gatehouse: home } = await openWithUpstream();
    const upstream = await startAnsweringUpstream();
    closers.push(() => upstream.close());
    const away = await open({
      upstream: upstream.url,
      store: shared(home),
      env: { PROXY_BASE_URL: 'https://other.test' },
    });
    const signedIn = await obtainCode(home);
    const native = await registerClient(away);

    expect((await redeem(away, signedIn)).status).toBe(401);
    expect((await redeem(away, { ...signedIn, client: native })).status).toBe(400);
    const tokens = await signIn(home, { client: signedIn.client });
    expect((await refresh(away, native.clientId, tokens.refreshToken)).status).toBe(400);
    expect((await callMount(away, tokens.accessToken)).status).toBe(401);
    expect(upstream.calls).toEqual([]);
    const authorize = await away.fetch(authorizeUrl(away, signedIn.client));
    expect([400, 401]).toContain(authorize.status);
    expect((await redeem(home, signedIn)).status).toBe(200);
  });

  it('86: nothing sealed for one purpose passes as another, and every record says its purpose', async () => {
    const { gatehouse, upstream } = await openWithUpstream();
    const client = await registerClient(gatehouse);
    const browser = new Browser(gatehouse);
    const page = await browser.get(authorizeUrl(gatehouse, client));
    const html = await page.text();
    const consentToken = readForm(html)['consent_token'] ?? '';
    const login = await decide(browser, new Response(html));
    const state = new URL(login).searchParams.get('state') ?? '';
    const tokens = await signIn(gatehouse, { client });
    const sealed = {
      client: client.clientId,
      consent: consentToken,
      state,
      code: tokens.code,
      access: tokens.accessToken,
      refresh: tokens.refreshToken,
      ...Object.fromEntries(browser.cookies),
    };
    expect(Object.values(sealed).every((value) => value !== '')).toBe(true);

    for (const [kind, value] of Object.entries(sealed)) {
      if (kind !== 'code') {
        const asCode = await redeem(gatehouse, { ...tokens, code: value });
        expect([kind, await errorOf(asCode)]).toEqual([kind, 'invalid_grant']);
      }
      if (kind !== 'refresh') {
        const asRefresh = await refresh(gatehouse, client.clientId, value);
        expect([kind, await errorOf(asRefresh)]).toEqual([kind, 'invalid_grant']);
      }
      if (kind !== 'access') {
        expect([kind, (await callMount(gatehouse, value)).status]).toEqual([kind, 401]);
      }
      if (kind !== 'client') {
        const asClient = await refresh(gatehouse, value, tokens.refreshToken);
        expect([kind, await errorOf(asClient)]).toEqual([kind, 'invalid_client']);
      }
    }
    expect(upstream.calls).toEqual([]);
    const { records } = await gatehouse.store.list('', { cursor: '', limit: 100 });
    expect(records.length).toBeGreaterThan(0);
    for (const { key } of records) expect(key).toMatch(/^[a-z][a-z_]*:[A-Za-z0-9_-]+$/);
    expect((await refresh(gatehouse, client.clientId, tokens.refreshToken)).status).toBe(200);
  });

  it('86: even a whole forgery of one purpose is nothing for another, whatever its prefix says', async () => {
    const upstream = await startAnsweringUpstream();
    closers.push(() => upstream.close());
    const secret = 'a secret of the test that is long enough, 0123456789';
    const gatehouse = await open({ upstream: upstream.url, env: { TOKEN_SIGNING_SECRET: secret } });
    const sealer = createSealer({ secrets: [secret], context: gatehouse.publicUrl, random: systemRandom });
    const tokens = await signIn(gatehouse);
    const everything = await describeEverything(gatehouse, tokens);
    const purposes = [clientPurpose, authorizationCodePurpose, accessTokenPurpose, refreshTokenPurpose];
    for (const from of [...purposes, { name: 'consent', prefix: 'mgh_co_', maxLength: 8192 }]) {
      for (const to of purposes) {
        if (from.name === to.name) continue;
        const forged = sealer.seal(from, everything).replace(from.prefix, to.prefix);
        const asCode = await redeem(gatehouse, { ...tokens, code: forged });
        expect(Object.keys((await asCode.json()) as object)).not.toContain('error_code');
        const asRefresh = await refresh(gatehouse, tokens.client.clientId, forged);
        expect(Object.keys((await asRefresh.json()) as object)).not.toContain('error_code');
        const asClient = await refresh(gatehouse, forged, tokens.refreshToken);
        expect([asCode.status, asRefresh.status, asClient.status]).toEqual([400, 400, 401]);
        if (from.name !== 'access') expect((await callMount(gatehouse, forged)).status).toBe(401);
      }
    }
    expect(upstream.calls).toEqual([]);
    expect((await callMount(gatehouse, sealer.seal(accessTokenPurpose, everything))).status).toBe(200);
  });

  it('88: there are no confidential clients: any Authorization header is refused with the Basic challenge', async () => {
    const gatehouse = await open();
    const signedIn = await obtainCode(gatehouse);
    const id = signedIn.client.clientId;
    const headers = [
      basic(`${id}:`),
      basic(`${id}:secret`),
      basic(id),
      basic(':'),
      basic(`${encodeURIComponent(id)}:`),
      basic(`${id}:`).replace('Basic', 'bAsIc'),
      'Basic not*base64',
      'Basic',
      'Bearer anything',
      'Negotiate YII=',
    ];
    const { client_id: _, ...withoutId } = codeFields(signedIn);
    for (const authorization of headers) {
      for (const form of [codeFields(signedIn), withoutId]) {
        const whole = { ...form, code_verifier: signedIn.verifier };
        const refused = await postForm(gatehouse, '/token', whole, { authorization });
        expect(refused.status).toBe(401);
        expect(refused.headers.get('www-authenticate')).toBe('Basic realm="token"');
        expect(await errorOf(refused)).toBe('invalid_client');
      }
    }
    const unchallenged = await redeem(gatehouse, {
      ...signedIn,
      client: { ...signedIn.client, clientId: 'x' },
    });
    expect(unchallenged.status).toBe(401);
    expect(unchallenged.headers.get('www-authenticate')).toBeNull();
    expect((await redeem(gatehouse, signedIn)).status).toBe(200);
  });

  it('89: there is no secret to guess: none is issued, none is advertised, and guesses change nothing', async () => {
    const gatehouse = await open();
    const registered = await gatehouse.fetch('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'Test', redirect_uris: ['https://client.example/callback'] }),
    });
    expect(await registered.json()).not.toHaveProperty('client_secret');
    const metadata = await gatehouse.fetch('/.well-known/oauth-authorization-server');
    expect(await metadata.json()).toMatchObject({
      token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    });

    const signedIn = await obtainCode(gatehouse);
    const other = await registerClient(gatehouse, { client_name: 'Another' });
    const guess = { ...codeFields(signedIn), code_verifier: signedIn.verifier, client_secret: 'guess' };
    const refused = await postForm(gatehouse, '/token', { ...guess, client_id: other.clientId });
    expect(await errorOf(refused)).toBe('invalid_grant');
  });

  it('90: a token response is never cached and says exactly what was issued', async () => {
    const gatehouse = await open();
    const signedIn = await obtainCode(gatehouse);
    const exchanged = await redeem(gatehouse, signedIn);
    const body = (await exchanged.json()) as Record<string, unknown>;
    const refreshed = await refresh(gatehouse, signedIn.client.clientId, body['refresh_token'] as string);
    for (const [response, issued] of [
      [exchanged, body],
      [refreshed, (await refreshed.json()) as Record<string, unknown>],
    ] as const) {
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('pragma')).toBe('no-cache');
      expect(Object.keys(issued).sort()).toEqual([
        'access_token',
        'expires_in',
        'refresh_token',
        'token_type',
      ]);
      expect(issued['token_type']).toBe('Bearer');
      expect(issued['expires_in']).toBe(3595);
    }
    const refused = await redeem(gatehouse, { ...signedIn, code: 'x' });
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(refused.headers.get('content-type')).toBe('application/json');
  });

  it('91: forged, foreign, expired and unknown codes are told apart in no answer', async () => {
    const gatehouse = await open();
    const client = await registerClient(gatehouse);
    const other = await registerClient(gatehouse, { client_name: 'Another' });
    const away = await open({ env: { PROXY_BASE_URL: 'https://other.test' } });
    const lost = await obtainCode(gatehouse, { client });
    for (const { key } of (await gatehouse.store.list('grant:', { cursor: '', limit: 9 })).records) {
      await gatehouse.store.delete(key);
    }
    const old = await obtainCode(gatehouse, { client });
    gatehouse.clock.advance(61);
    const good = await obtainCode(gatehouse, { client });
    const foreign = await obtainCode(away);
    const flipped = good.code.at(-1) === 'A' ? 'B' : 'A';
    const presented: SignedIn[] = [
      { ...good, code: 'x' },
      { ...good, code: `${good.code.slice(0, -1)}${flipped}` },
      { ...good, code: good.code.slice(0, -8) },
      { ...good, code: `${good.code}=` },
      { ...good, client: other },
      { ...good, redirectUri: 'https://client.example/other' },
      { ...good, verifier: createPkce().verifier },
      { ...good, code: foreign.code },
      old,
      lost,
    ];
    const answers = new Set<string>();
    for (const attempt of presented) {
      const refused = await redeem(gatehouse, attempt);
      answers.add(`${refused.status} ${await refused.text()}`);
    }
    expect([...answers]).toEqual([
      '400 {"error":"invalid_grant","error_description":"The authorization code is not valid"}',
    ]);

    expect((await redeem(gatehouse, good)).status).toBe(200);
    // Only a code that was good once says more, and only to its own client with the right verifier.
    expect(await (await redeem(gatehouse, good)).json()).toEqual({
      error: 'invalid_grant',
      error_description: 'The authorization code is not valid',
      error_code: 'code_replay',
    });
  });

  it('92: no grant type but the two that are advertised is served', async () => {
    const gatehouse = await open();
    const signedIn = await obtainCode(gatehouse);
    const types = [
      'password',
      'client_credentials',
      'implicit',
      'authorization_code,refresh_token',
      'AUTHORIZATION_CODE',
      'toString',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'urn:ietf:params:oauth:grant-type:saml2-bearer',
      'urn:ietf:params:oauth:grant-type:token-exchange',
      'urn:ietf:params:oauth:grant-type:device_code',
      'urn:openid:params:grant-type:ciba',
    ];
    const whole = { ...codeFields(signedIn), code_verifier: signedIn.verifier };
    for (const type of types) {
      const form = { ...whole, grant_type: type, username: 'alice', password: 'x', assertion: 'x' };
      const refused = await postForm(gatehouse, '/token', form);
      expect([type, refused.status, await errorOf(refused)]).toEqual([type, 400, 'unsupported_grant_type']);
    }
    for (const name of ['grant_type[]', 'grant_type[0]', 'Grant_type']) {
      const { grant_type: type, ...rest } = whole;
      const refused = await postForm(gatehouse, '/token', { ...rest, [name]: type });
      expect([name, await errorOf(refused)]).toEqual([name, 'invalid_request']);
    }
    const metadata = await gatehouse.fetch('/.well-known/oauth-authorization-server');
    expect(await metadata.json()).toMatchObject({
      grant_types_supported: ['authorization_code', 'refresh_token'],
    });
    expect((await redeem(gatehouse, signedIn)).status).toBe(200);
  });
});

/** The content of every kind of sealed value at once, for the live grant of these tokens. */
async function describeEverything(gatehouse: TestGatehouse, tokens: Tokens): Promise<string> {
  const { records } = await gatehouse.store.list('grant:', { cursor: '', limit: 1 });
  const now = gatehouse.clock.nowSeconds();
  return JSON.stringify({
    gid: records[0]?.key.slice('grant:'.length),
    idp: 'https://login.test',
    sub: 'alice',
    cid: fingerprintClientId(tokens.client.clientId),
    res: gatehouse.resource,
    gat: now,
    end: now + 3600,
    iat: now,
    exp: now + 60,
    tid: 'x',
    ruri: tokens.redirectUri,
    chal: createHash('sha256').update(tokens.verifier).digest('base64url'),
    r: [tokens.redirectUri],
  });
}

/** The fields of a code exchange but the verifier. */
function codeFields(signedIn: SignedIn) {
  return {
    grant_type: 'authorization_code',
    code: signedIn.code,
    redirect_uri: signedIn.redirectUri,
    client_id: signedIn.client.clientId,
  };
}

async function errorOf(response: Response): Promise<string | undefined> {
  return ((await response.json()) as { error?: string }).error;
}

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** The store of a gatehouse for a second one, which must not close it. */
function shared(gatehouse: TestGatehouse) {
  return { ...gatehouse.store, close: () => Promise.resolve() };
}
