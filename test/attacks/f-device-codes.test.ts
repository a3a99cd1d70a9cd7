import { afterEach, describe, expect, it } from 'vitest';

import type { Client } from '../../src/services/clients/client.ts';
import { Browser } from '../support/browser.ts';
import {
  answerDevice,
  type BegunDevice,
  beginDevice,
  deviceEnvironment,
  deviceGrant,
  errorOf,
  logInForDevice,
  pollDevice,
  typeCode,
} from '../support/device-flow.ts';
import {
  authorizeUrl,
  decide,
  obtainCode,
  postForm,
  readForm,
  refresh,
  registerClient,
} from '../support/flow.ts';
import { createGatehousePair } from '../support/gatehouse-pair.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';

const fileWithDevice = `
mounts:
  - { name: one, url: /mcp, upstream: "http://127.0.0.1:9/mcp", scopes: { read: { default: true }, write: {} } }
clients:
  - { client_id: device, name: Device, token_endpoint_auth_method: none, redirect_uris: [], grant_types: [device_code] }
`;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const gatehouse = await createTestGatehouse({ ...options, env: { ...deviceEnvironment, ...options.env } });
  closers.push(() => gatehouse.close());
  return gatehouse;
}

const issuedBy = (gatehouse: TestGatehouse): number =>
  gatehouse.events.filter(({ type }) => type === 'tokens_issued').length;

describe('F. device codes at the token endpoint', () => {
  it('82: of many polls over two replicas, one gets tokens', async () => {
    const pair = await createGatehousePair({ env: deviceEnvironment });
    closers.push(() => pair.close());
    const [left, right] = pair.both;
    for (let round = 0; round < 20; round += 1) {
      const device = await beginDevice(left);
      await answerDevice(new Browser(right), device.userCode);
      const answers = await Promise.all(
        Array.from({ length: 16 }, (_, index) => pollDevice(index % 2 === 0 ? left : right, device)),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    }
    expect(issuedBy(left) + issuedBy(right)).toBe(20);
  });

  it('83: a device code that comes back ends what it was exchanged for', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    await answerDevice(new Browser(gatehouse), device.userCode);
    const tokens = (await (await pollDevice(gatehouse, device)).json()) as Record<string, string>;
    const again = await pollDevice(gatehouse, device);
    expect([again.status, await errorOf(again)]).toEqual([400, 'invalid_grant']);
    const next = await refresh(gatehouse, device.client.clientId, tokens['refresh_token'] ?? '');
    expect([next.status, await errorOf(next)]).toEqual([400, 'invalid_grant']);
    const call = await gatehouse.fetch(gatehouse.mount, {
      method: 'POST',
      headers: { Authorization: `Bearer ${tokens['access_token']}` },
    });
    expect(call.status).toBe(401);
    expect(gatehouse.events).toContainEqual(
      expect.objectContaining({ type: 'replay_detected', kind: 'device_code' }),
    );
  });

  it('84: the device code of another client is refused, and stays good for its own', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    await answerDevice(new Browser(gatehouse), device.userCode);
    const stranger = await registerClient(gatehouse, { client_name: 'Stranger' });
    const refused = await pollDevice(gatehouse, { ...device, client: stranger });
    expect([refused.status, await errorOf(refused), issuedBy(gatehouse)]).toEqual([400, 'invalid_grant', 0]);
    expect((await pollDevice(gatehouse, device)).status).toBe(200);
  });

  it('85: a device code of another deployment is refused, whatever store they share', async () => {
    const here = await open();
    const elsewhere = await open({
      store: here.store,
      env: { PROXY_BASE_URL: 'https://elsewhere.test' },
    });
    const device = await beginDevice(here);
    await answerDevice(new Browser(here), device.userCode);
    const client = await registerClient(elsewhere);
    expect(await errorOf(await pollDevice(elsewhere, { ...device, client }))).toBe('invalid_grant');
    expect((await pollDevice(here, device)).status).toBe(200);
  });

  it('86: no value of another kind passes for a device code, and a device code for none', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    const { clientId } = device.client;
    const signedIn = await obtainCode(gatehouse, { client: device.client });
    const { records } = await gatehouse.store.list('device:', { cursor: '', limit: 1 });
    const others = [signedIn.code, clientId, device.userCode, records[0]?.key ?? '', records[0]?.value ?? ''];
    for (const value of others) {
      const form = { grant_type: deviceGrant, device_code: value, client_id: clientId };
      expect(await errorOf(await postForm(gatehouse, '/token', form))).toBe('invalid_grant');
    }
    const form = {
      grant_type: 'authorization_code',
      code: device.deviceCode,
      redirect_uri: signedIn.redirectUri,
      client_id: clientId,
      code_verifier: signedIn.verifier,
    };
    expect(await errorOf(await postForm(gatehouse, '/token', form))).toBe('invalid_grant');
    expect((await refresh(gatehouse, clientId, device.deviceCode)).status).toBe(400);
    expect(issuedBy(gatehouse)).toBe(0);
  });

  it('86: what waits in the store for a device is no code at the token endpoint', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    await answerDevice(new Browser(gatehouse), device.userCode);
    const { records } = await gatehouse.store.list('device:', { cursor: '', limit: 1 });
    const { approval } = JSON.parse(records[0]?.value ?? '') as { approval: string };
    expect(approval).toMatch(/^mgh_da_/);
    const { clientId } = device.client;
    for (const form of [
      { grant_type: deviceGrant, device_code: approval },
      {
        grant_type: 'authorization_code',
        code: approval,
        redirect_uri: `${gatehouse.publicUrl}/device/answer`,
      },
      { grant_type: 'refresh_token', refresh_token: approval },
    ]) {
      const whole = { ...form, client_id: clientId, code_verifier: 'v'.repeat(43) };
      expect(await errorOf(await postForm(gatehouse, '/token', whole))).toBe('invalid_grant');
    }
  });

  it('what is approved is worth no more than the operator lets the client have when it asks', async () => {
    const gatehouse = await open({ file: fileWithDevice });
    const { config, gateway, resource } = gatehouse;
    const limit = (change: Pick<Client, 'scope' | 'resources'>): Promise<void> =>
      gateway.reload({ ...config, clients: config.clients.map((client) => ({ ...client, ...change })) });
    const approve = async (): Promise<BegunDevice> => {
      const client = { clientId: 'device', redirectUri: '' };
      const device = await beginDevice(gatehouse, { resource, scope: 'read write' }, client);
      await answerDevice(new Browser(gatehouse), device.userCode);
      return device;
    };
    const [narrowed, refused] = [await approve(), await approve()];
    await limit({ scope: ['read'] });
    expect(await (await pollDevice(gatehouse, narrowed)).json()).toMatchObject({ scope: 'read' });
    await limit({ resources: [`${gatehouse.publicUrl}/other`] });
    const answer = await pollDevice(gatehouse, refused);
    expect([answer.status, await errorOf(answer), issuedBy(gatehouse)]).toEqual([400, 'invalid_target', 1]);
  });

  it('a device code is exchanged for no other resource than the person saw, and stays good for that', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    await answerDevice(new Browser(gatehouse), device.userCode);
    for (const resource of ['https://elsewhere.example/mcp', `${gatehouse.publicUrl}/other`]) {
      const answer = await pollDevice(gatehouse, device, { resource });
      expect([answer.status, await errorOf(answer), issuedBy(gatehouse)]).toEqual([400, 'invalid_target', 0]);
    }
    expect((await pollDevice(gatehouse, device, { resource: gatehouse.resource })).status).toBe(200);
  });

  it('91: a forged, a foreign and a spent device code get the same words', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    await answerDevice(new Browser(gatehouse), device.userCode);
    const stranger = await registerClient(gatehouse, { client_name: 'Stranger' });
    const answers = [
      await pollDevice(gatehouse, { ...device, deviceCode: 'mgh_dc_forged' }),
      await pollDevice(gatehouse, { ...device, client: stranger }),
    ];
    await pollDevice(gatehouse, device);
    answers.push(await pollDevice(gatehouse, device));
    const bodies = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(bodies).size).toBe(1);
  });
});

describe('A. the device page', () => {
  it('2: the page that asks about a device cannot be answered in another browser', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    const page = await typeCode(new Browser(gatehouse), device.userCode);
    const { consent_token: consentToken = '' } = readForm(await page.text());
    const victim = new Browser(gatehouse);
    const answer = await victim.post('/consent', { consent_token: consentToken, action: 'approve' });
    expect(answer.status).toBe(403);
    expect(await errorOf(await pollDevice(gatehouse, device))).toBe('authorization_pending');
  });

  it('3: a login that the attacker began for their device cannot be finished by a victim', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    const attacker = new Browser(gatehouse);
    const login = await decide(attacker, await typeCode(attacker, device.userCode));
    const state = new URL(login).searchParams.get('state') ?? '';
    const victim = new Browser(gatehouse);
    const answer = await victim.get(
      `/callback?${new URLSearchParams({ code: 'idp-code', state }).toString()}`,
    );
    expect(answer.status).toBe(403);
    expect(gatehouse.identityProvider.finishedLogins).toHaveLength(0);
    expect(await errorOf(await pollDevice(gatehouse, device))).toBe('authorization_pending');
  });

  it('5: a code that another site posts, with or without the victim’s cookies, asks nobody anything', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    const victim = new Browser(gatehouse);
    const form = { user_code: device.userCode };
    const strange = await victim.postFromElsewhere('/device', form);
    const sibling = await victim.post('/device', form, { 'Sec-Fetch-Site': 'same-site' });
    const sandboxed = await victim.post('/device', form, { Origin: 'null' });
    for (const answer of [strange, sibling, sandboxed]) {
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
    }
  });

  it('no link leads past the code: the answer’s address is no redirect URI of any client', async () => {
    const gatehouse = await open();
    const redirectUri = `${gatehouse.publicUrl}/device/answer`;
    const client = await registerClient(gatehouse);
    const person = new Browser(gatehouse);
    const refused = await person.get(authorizeUrl(gatehouse, { ...client, redirectUri }));
    expect(refused.status).toBe(400);
    // One that registers it gets its own code there, which is no answer about any device.
    const owner = await registerClient(gatehouse, { redirect_uris: [redirectUri] });
    const signedIn = await obtainCode(gatehouse, { client: owner, browser: person });
    const answer = await person.get(
      `/device/answer?${new URLSearchParams({ code: signedIn.code, state: 'x' }).toString()}`,
    );
    expect(answer.status).toBe(400);
  });

  it('a code of one authorization does not answer the device of another', async () => {
    const gatehouse = await open();
    const mine = await beginDevice(gatehouse);
    const theirs = await beginDevice(gatehouse);
    const attacker = new Browser(gatehouse);
    const victim = new Browser(gatehouse);
    const attackersAnswer = new URL(
      await logInForDevice(attacker, await decide(attacker, await typeCode(attacker, mine.userCode))),
    );
    const victimsAnswer = new URL(
      await logInForDevice(victim, await decide(victim, await typeCode(victim, theirs.userCode))),
    );
    victimsAnswer.searchParams.set('state', attackersAnswer.searchParams.get('state') ?? '');
    const mixed = await attacker.get(victimsAnswer.href);
    expect(mixed.status).toBe(400);
    expect(await errorOf(await pollDevice(gatehouse, mine))).toBe('authorization_pending');
  });

  it('an answer counts once: sent again, or denied after it was approved, it changes nothing', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    const person = new Browser(gatehouse);
    const url = await logInForDevice(person, await decide(person, await typeCode(person, device.userCode)));
    const denial = new URL(url);
    denial.searchParams.delete('code');
    denial.searchParams.set('error', 'access_denied');
    expect((await person.get(url)).status).toBe(200);
    expect((await person.get(url)).status).toBe(400);
    expect((await person.get(denial.href)).status).toBe(400);
    expect((await pollDevice(gatehouse, device)).status).toBe(200);
  });

  it('the code in the browser is worth nothing at the token endpoint', async () => {
    const gatehouse = await open();
    const device = await beginDevice(gatehouse);
    const person = new Browser(gatehouse);
    const url = new URL(
      await logInForDevice(person, await decide(person, await typeCode(person, device.userCode))),
    );
    const form = {
      grant_type: 'authorization_code',
      code: url.searchParams.get('code') ?? '',
      redirect_uri: `${gatehouse.publicUrl}/device/answer`,
      client_id: device.client.clientId,
      code_verifier: 'v'.repeat(43),
    };
    expect(await errorOf(await postForm(gatehouse, '/token', form))).toBe('invalid_grant');
    expect(issuedBy(gatehouse)).toBe(0);
  });

  it('guesses of one address end with its limit, right or wrong', async () => {
    const gatehouse = await open({ env: { RATE_LIMIT_ENABLED: 'true' } });
    const device = await beginDevice(gatehouse);
    const attacker = new Browser(gatehouse);
    const statuses: number[] = [];
    for (let guess = 0; guess < 20; guess += 1) {
      statuses.push((await typeCode(attacker, `BBBB-BB${'BCDFGHJKLMNPQRSTVWXZ'.charAt(guess)}B`)).status);
    }
    expect(new Set(statuses)).toEqual(new Set([400]));
    const right = await typeCode(attacker, device.userCode);
    expect([right.status, right.headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)]);
  });

  it('guesses do not stop somebody of the same address who has just logged in', async () => {
    const gatehouse = await open({ env: { RATE_LIMIT_ENABLED: 'true' } });
    const device = await beginDevice(gatehouse);
    const person = new Browser(gatehouse);
    const login = await decide(person, await typeCode(person, device.userCode));
    const attacker = new Browser(gatehouse);
    for (let guess = 0; guess < 25; guess += 1) await typeCode(attacker, 'BBBB-BBBB');
    const refused = await attacker.get('/device');
    expect(refused.status).toBe(429);
    expect(await refused.text()).toContain('Wait a minute, and load this page again');
    expect((await person.get(await logInForDevice(person, login))).status).toBe(200);
    expect((await pollDevice(gatehouse, device)).status).toBe(200);
  });

  it('a client that was deleted meanwhile gets neither the page nor the tokens', async () => {
    const gatehouse = await open();
    const registered = await gatehouse.fetch('/register', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['https://client.example/callback'] }),
    });
    const information = (await registered.json()) as Record<string, string>;
    const client = { clientId: information['client_id'] ?? '', redirectUri: '' };
    const approved = await beginDevice(gatehouse, {}, client);
    await answerDevice(new Browser(gatehouse), approved.userCode);
    const waiting = await beginDevice(gatehouse, {}, client);
    await gatehouse.fetch(information['registration_client_uri'] ?? '', {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${information['registration_access_token']}` },
    });
    expect((await pollDevice(gatehouse, approved)).status).toBe(401);
    expect((await typeCode(new Browser(gatehouse), waiting.userCode)).status).toBe(401);
    expect(issuedBy(gatehouse)).toBe(0);
  });
});
