import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import { type Store, StoreError } from '../../src/platform/store/store.ts';
import { OAuthError } from '../../src/protocol/oauth-error.ts';
import { Browser } from '../support/browser.ts';
import {
  answerDevice,
  beginDevice,
  deviceEnvironment,
  deviceGrant,
  errorOf,
  logInForDevice,
  pollDevice,
  typeCode,
} from '../support/device-flow.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { decide, postForm, readForm, refresh, registerClient } from '../support/flow.ts';
import { createGatehousePair } from '../support/gatehouse-pair.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

describe('device authorization (RFC 8628)', () => {
  let gatehouse: TestGatehouse;
  let person: Browser;

  beforeEach(async () => {
    gatehouse = await createTestGatehouse({ env: deviceEnvironment });
    person = new Browser(gatehouse);
  });
  afterEach(() => gatehouse.close());

  const refusals = (): readonly string[] =>
    gatehouse.events.flatMap((event) => (event.type === 'request_refused' ? [event.reason] : []));
  const issued = (): number => gatehouse.events.filter(({ type }) => type === 'tokens_issued').length;

  it('gives a device its codes, and the address of a page without anything to type but the code', async () => {
    const { body } = await beginDevice(gatehouse);
    expect(body).toEqual({
      device_code: expect.stringMatching(/^mgh_dc_/),
      user_code: expect.stringMatching(/^[A-Z]{4}-[A-Z]{4}$/),
      verification_uri: `${gatehouse.publicUrl}/device`,
      verification_uri_complete: `${gatehouse.publicUrl}/device?user_code=${String(body['user_code'])}`,
      expires_in: 600,
      interval: 5,
    });
  });

  it('signs a person in on the device, with tokens that refresh', async () => {
    const device = await beginDevice(gatehouse);
    expect(await errorOf(await pollDevice(gatehouse, device))).toBe('authorization_pending');
    const done = await answerDevice(person, device.userCode);
    expect([done.status, await done.text()]).toEqual([
      200,
      expect.stringContaining('Your device is connected'),
    ]);
    const answer = await pollDevice(gatehouse, device);
    const tokens = (await answer.json()) as Record<string, unknown>;
    expect([answer.status, answer.headers.get('cache-control'), tokens]).toEqual([
      200,
      'no-store',
      expect.objectContaining({ token_type: 'Bearer', expires_in: 3595 }),
    ]);
    const next = await refresh(gatehouse, device.client.clientId, String(tokens['refresh_token']));
    expect(next.status).toBe(200);
    expect(gatehouse.events).toContainEqual(
      expect.objectContaining({ type: 'tokens_issued', grantType: 'device_code', subject: 'alice' }),
    );
  });

  it('leaves no code in the log, and no word about waiting at the level of every day', async () => {
    const device = await beginDevice(gatehouse);
    await pollDevice(gatehouse, device);
    const login = await decide(person, await typeCode(person, device.userCode));
    const answerUrl = new URL(await logInForDevice(person, login));
    await person.get(answerUrl.href);
    await pollDevice(gatehouse, device);
    const codes = [device.deviceCode, device.userCode, device.userCode.replace('-', '')];
    const answered = [...answerUrl.searchParams].filter(([name]) => name !== 'iss');
    for (const secret of [...codes, ...answered.map(([, value]) => value)]) {
      expect(gatehouse.logged()).not.toContain(secret);
    }
    const waiting = gatehouse
      .logged()
      .split('\n')
      .filter((line) => line.includes('authorization_pending'))
      .map((line) => (JSON.parse(line) as { level: unknown }).level);
    expect(waiting).toEqual(['debug']);
  });

  it('gives the upstream the person who logged in, not whoever began', async () => {
    const upstream = await startRecordingUpstream();
    upstream.answer = replyJson({});
    const house = await createTestGatehouse({ env: deviceEnvironment, upstream: `${upstream.origin}/mcp` });
    try {
      const device = await beginDevice(house);
      await answerDevice(new Browser(house), device.userCode);
      const tokens = (await (await pollDevice(house, device)).json()) as { access_token: string };
      await house.fetch(house.mount, {
        method: 'POST',
        headers: { Authorization: `Bearer ${tokens.access_token}`, 'Content-Type': 'application/json' },
        body: '{}',
      });
      expect(upstream.requests[0]?.header('x-user-sub')).toEqual(['alice']);
    } finally {
      await house.close();
      await upstream.close();
    }
  });

  it('shows on the consent page who asks, for what, and the code to compare; never less', async () => {
    const house = await createTestGatehouse({ env: { ...deviceEnvironment, RENDER_CONSENT_PAGE: 'false' } });
    const device = await beginDevice(house);
    const page = await typeCode(new Browser(house), device.userCode.toLowerCase().replace('-', ' '));
    const text = await page.text();
    expect(page.status).toBe(200);
    for (const shown of ['Test Client', house.resource, device.userCode, 'unverified', 'in front of you']) {
      expect(text).toContain(shown);
    }
    expect(text).not.toContain('/device/answer');
    expect(readForm(text)['consent_token']).toMatch(/^mgh_cs_/);
    await house.close();
  });

  it('fills the form in for a link with a code, and does nothing more', async () => {
    const device = await beginDevice(gatehouse);
    const page = await person.get(`/device?user_code=${device.userCode}`);
    const text = await page.text();
    expect(page.status).toBe(200);
    expect(readForm(text)['user_code']).toBe(device.userCode);
    expect(text).not.toContain('consent_token');
    expect(page.headers.getSetCookie()).toEqual([]);
    expect(await errorOf(await pollDevice(gatehouse, device))).toBe('authorization_pending');
  });

  it('looks nothing up on GET: a link cannot find out which codes there are', async () => {
    const device = await beginDevice(gatehouse);
    const known = await (await person.get(`/device?user_code=${device.userCode}`)).text();
    const unknown = await (await person.get('/device?user_code=BBBB-BBBB')).text();
    expect(known.replaceAll(device.userCode, 'BBBB-BBBB')).toBe(unknown);
  });

  it('shows the form again for a code that nobody has, with what was typed escaped', async () => {
    const page = await typeCode(person, '"><script>alert');
    const text = await page.text();
    expect(page.status).toBe(400);
    expect(text).toContain('No device waits with this code');
    expect(text).not.toContain('<script');
    expect(refusals()).toContain('user_code_unknown');
  });

  it('tells the device when the person denies, and the code is over', async () => {
    const device = await beginDevice(gatehouse);
    const page = await answerDevice(person, device.userCode, 'deny');
    expect(await page.text()).toContain('Access denied');
    const answer = await pollDevice(gatehouse, device);
    expect([answer.status, await errorOf(answer)]).toEqual([400, 'access_denied']);
    expect((await typeCode(person, device.userCode)).status).toBe(400);
    expect(issued()).toBe(0);
  });

  it('tells the device when the person may not enter', async () => {
    const device = await beginDevice(gatehouse);
    const reason = 'group';
    gatehouse.identityProvider.failWith(new OAuthError('access_denied', 'Not in a group', { reason }));
    const page = await answerDevice(person, device.userCode);
    expect(await page.text()).toContain('Access denied');
    expect(await errorOf(await pollDevice(gatehouse, device))).toBe('access_denied');
  });

  it('lets the person try again when the login could not be finished', async () => {
    const device = await beginDevice(gatehouse);
    const reason = 'idp_unavailable';
    gatehouse.identityProvider.failWith(new OAuthError('temporarily_unavailable', 'Not now', { reason }));
    const page = await answerDevice(person, device.userCode);
    expect([page.status, await page.text()]).toEqual([
      400,
      expect.stringContaining('The device still waits'),
    ]);
    gatehouse.identityProvider.failWith(undefined);
    await answerDevice(person, device.userCode);
    expect((await pollDevice(gatehouse, device)).status).toBe(200);
  });

  it('asks a device to slow down, and expires its code after ten minutes', async () => {
    const device = await beginDevice(gatehouse);
    await pollDevice(gatehouse, device);
    expect(await errorOf(await pollDevice(gatehouse, device))).toBe('slow_down');
    gatehouse.clock.advance(600);
    expect(await errorOf(await pollDevice(gatehouse, device))).toBe('expired_token');
    expect((await typeCode(person, device.userCode)).status).toBe(400);
    expect(refusals()).toEqual([
      'authorization_pending',
      'polled_too_often',
      'device_code_expired',
      'user_code_unknown',
    ]);
  });

  it('gives what a person approved late no longer away, and says so', async () => {
    const device = await beginDevice(gatehouse);
    gatehouse.clock.advance(300);
    const login = await decide(person, await typeCode(person, device.userCode));
    gatehouse.clock.advance(301);
    const page = await person.get(await logInForDevice(person, login));
    expect(page.status).toBe(400);
    expect(await errorOf(await pollDevice(gatehouse, device))).toBe('expired_token');
    expect([issued(), refusals()[0]]).toEqual([0, 'device_state_invalid']);
  });

  it.each([
    ['no client', {}, 400, 'invalid_request', 'client_id_missing'],
    ['an unknown client', { client_id: 'nobody' }, 401, 'invalid_client', 'client_id_invalid'],
  ] as const)('refuses to begin with %s', async (_, form, status, code, reason) => {
    const answer = await postForm(gatehouse, '/device_authorization', form);
    expect([answer.status, await errorOf(answer), refusals()]).toEqual([status, code, [reason]]);
    expect((await gatehouse.store.list('device:', { cursor: '', limit: 10 })).records).toEqual([]);
  });

  it('refuses to begin for a resource that is not served, and stores nothing', async () => {
    const { clientId } = await registerClient(gatehouse);
    const form = { client_id: clientId, resource: 'https://elsewhere.example/mcp' };
    const answer = await postForm(gatehouse, '/device_authorization', form);
    expect([answer.status, await errorOf(answer), refusals()]).toEqual([
      400,
      'invalid_target',
      ['resource_mismatch'],
    ]);
    expect((await gatehouse.store.list('device:', { cursor: '', limit: 10 })).records).toEqual([]);
  });

  it('needs a device code at the token endpoint', async () => {
    const { clientId } = await registerClient(gatehouse);
    const answer = await postForm(gatehouse, '/token', { grant_type: deviceGrant, client_id: clientId });
    expect([answer.status, await errorOf(answer)]).toEqual([400, 'invalid_request']);
  });

  it('is in the metadata, and only when it is on', async () => {
    const off = await createTestGatehouse();
    const read = async (house: TestGatehouse): Promise<Record<string, unknown>> =>
      (await house.fetch('/.well-known/oauth-authorization-server')).json() as Promise<
        Record<string, unknown>
      >;
    expect(await read(gatehouse)).toMatchObject({
      device_authorization_endpoint: `${gatehouse.publicUrl}/device_authorization`,
      grant_types_supported: ['authorization_code', 'refresh_token', deviceGrant],
    });
    const document = await read(off);
    expect(document).not.toHaveProperty('device_authorization_endpoint');
    expect(document['grant_types_supported']).toEqual(['authorization_code', 'refresh_token']);
    await off.close();
  });

  it('can be all that a client registers for, and is in the answer only when it is on', async () => {
    const off = await createTestGatehouse();
    const register = async (house: TestGatehouse, grantTypes: readonly string[]) => {
      const answer = await house.fetch('/register', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ redirect_uris: ['http://127.0.0.1/unused'], grant_types: grantTypes }),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    const browser = ['authorization_code', 'refresh_token'];
    const registered = await register(gatehouse, [deviceGrant]);
    expect(registered).toMatchObject({ status: 201, body: { grant_types: [...browser, deviceGrant] } });
    const client = { clientId: String(registered.body['client_id']), redirectUri: '' };
    expect((await beginDevice(gatehouse, {}, client)).userCode).toMatch(/^[A-Z]{4}-[A-Z]{4}$/);
    expect((await register(off, [...browser, deviceGrant])).body['grant_types']).toEqual(browser);
    const error = { error: 'invalid_client_metadata' };
    expect(await register(off, [deviceGrant])).toMatchObject({ status: 400, body: error });
    await off.close();
  });

  it('does not exist when it is off', async () => {
    const off = await createTestGatehouse();
    for (const path of ['/device', '/device/answer', '/device_authorization']) {
      expect([path, (await off.fetch(path)).status]).toEqual([path, 404]);
    }
    const { clientId } = await registerClient(off);
    const form = { grant_type: deviceGrant, device_code: 'x', client_id: clientId };
    expect(await errorOf(await postForm(off, '/token', form))).toBe('unsupported_grant_type');
    await off.close();
  });

  it('goes on at any replica, and after each was replaced', async () => {
    const pair = await createGatehousePair({ env: deviceEnvironment });
    const [left, right] = pair.both;
    const device = await beginDevice(left);
    expect(await errorOf(await pollDevice(right, device))).toBe('authorization_pending');
    // Each request of the person reaches another process.
    let turn = 0;
    const either = {
      publicUrl: left.publicUrl,
      fetch: (url: string, init?: RequestInit) => ((turn += 1) % 2 === 0 ? left : right).fetch(url, init),
    };
    await answerDevice(new Browser(either), device.userCode);
    expect((await pollDevice(right, device)).status).toBe(200);
    await pair.close();
  });

  it('keeps the identity provider’s refresh token for re-checks', async () => {
    gatehouse.identityProvider.givesRefreshTokens = true;
    const device = await beginDevice(gatehouse);
    await answerDevice(person, device.userCode);
    const tokens = (await (await pollDevice(gatehouse, device)).json()) as { refresh_token: string };
    await refresh(gatehouse, device.client.clientId, tokens.refresh_token);
    expect(gatehouse.identityProvider.rechecks).toHaveLength(1);
  });

  it('answers 503 with Retry-After at every step while the store is down, and goes on after', async () => {
    const clock = new FakeClock();
    const whole = createMemoryStore({ clock });
    let isDown = false;
    const orFail = <T>(run: () => Promise<T>): Promise<T> =>
      isDown ? Promise.reject(new StoreError('get', new Error('down'))) : run();
    const store: Store = {
      ...whole,
      putIfAbsent: (...record) => orFail(() => whole.putIfAbsent(...record)),
      get: (key) => orFail(() => whole.get(key)),
      replace: (...record) => orFail(() => whole.replace(...record)),
    };
    const house = await createTestGatehouse({ env: deviceEnvironment, store, clock });
    const browser = new Browser(house);
    const device = await beginDevice(house);
    const whileDown = async (step: () => Promise<Response>): Promise<unknown[]> => {
      isDown = true;
      const answer = await step();
      isDown = false;
      return [answer.status, answer.headers.get('retry-after')];
    };
    const form = { client_id: device.client.clientId };
    expect(await whileDown(() => postForm(house, '/device_authorization', form))).toEqual([503, '2']);
    expect(await whileDown(() => pollDevice(house, device))).toEqual([503, '2']);
    expect(await whileDown(() => typeCode(browser, device.userCode))).toEqual([503, '2']);
    const login = await decide(browser, await typeCode(browser, device.userCode));
    const answerUrl = await logInForDevice(browser, login);
    expect(await whileDown(() => browser.get(answerUrl))).toEqual([503, '2']);
    expect((await browser.get(answerUrl)).status).toBe(200);
    expect(await whileDown(() => pollDevice(house, device))).toEqual([503, '2']);
    expect((await pollDevice(house, device)).status).toBe(200);
    await house.close();
  });
});
