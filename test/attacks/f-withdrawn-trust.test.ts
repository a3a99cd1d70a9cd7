import { createHash } from 'node:crypto';

import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { GatehouseConfig } from '../../src/gateway/config/config.ts';
import type { TrustedIssuer } from '../../src/services/identity/assertions/trusted-issuer.ts';
import { errorOf } from '../support/device-flow.ts';
import {
  type EnterpriseHouse,
  type EnterpriseHouseOptions,
  jwtBearer,
  startEnterpriseHouse,
  startEnterpriseIssuer,
} from '../support/enterprise-house.ts';
import { postForm, signIn } from '../support/flow.ts';
import { closeAuthority } from '../support/metadata-hosts.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

const secret = 'the secret of who asks about tokens';

let house: EnterpriseHouse;
let upstream: RecordingUpstream;

beforeEach(async () => {
  upstream = await startRecordingUpstream();
  upstream.answer = replyJson({});
});

afterAll(closeAuthority);
afterEach(async () => {
  expect(house.gatehouse.logged()).not.toContain('internal_error');
  await house.close();
  await upstream.close();
});

async function start(options: EnterpriseHouseOptions = {}): Promise<void> {
  const sha256 = createHash('sha256').update(secret).digest('hex');
  house = await startEnterpriseHouse({
    mount: { upstream: `${upstream.origin}/mcp` },
    furtherMount: { name: 'search', url: '/search/mcp', upstream: `${upstream.origin}/mcp` },
    env: { INTROSPECTION_CLIENTS: `backend:${sha256}` },
    ...options,
  });
  // Open, so that there is something to reload.
  await house.gatehouse.fetch('/healthz');
}

/** Goes over to other trusted issuers, as a change of the file does. */
function trust(change: (issuer: TrustedIssuer) => readonly TrustedIssuer[]): Promise<void> {
  const { gateway, config } = house.gatehouse;
  return gateway.reload({ ...config, trustedIssuers: config.trustedIssuers.flatMap(change) });
}

const nobody = (): Promise<void> => trust(() => []);

async function obtain(claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const answer = await house.exchange(await house.assert(claims));
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { access_token: string }).access_token;
}

const reason = (): unknown =>
  house.gatehouse.events.flatMap((event) => (event.type === 'request_refused' ? [event.reason] : [])).at(-1);

function call(
  token: string,
  path = '/mcp',
  init: RequestInit = { method: 'POST', body: '{}' },
): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return house.gatehouse.fetch(path, { ...init, headers });
}

async function expectWithdrawn(token: string, path = '/mcp'): Promise<void> {
  const before = upstream.requests.length;
  const answer = await call(token, path);
  expect([answer.status, reason()]).toEqual([401, 'trust_withdrawn']);
  expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
  expect(upstream.requests).toHaveLength(before);
}

async function isActive(token: string): Promise<boolean> {
  const answer = await house.gatehouse.fetch('/introspect', {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`backend:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ token }),
  });
  return ((await answer.json()) as { active: boolean }).active;
}

describe('F. trust in an issuer of assertions that a reload takes back', () => {
  it('298: ends its assertions at once, also one that was made before', async () => {
    await start();
    const early = await house.assert();
    await obtain();
    const issued = (): number => house.gatehouse.events.filter(({ type }) => type === 'tokens_issued').length;
    await nobody();

    for (const assertion of [early, await house.assert()]) {
      expect((await house.exchange(assertion)).status).toBe(400);
    }
    expect(issued()).toBe(1);
    const marks = await house.gatehouse.store.list('identity-assertion:', { cursor: '', limit: 9 });
    expect(marks.records).toHaveLength(1);
  });

  it('298: ends it for one issuer, and the others stay', async () => {
    await start();
    await trust((issuer) => [{ ...issuer, issuer: 'https://other.test' }]);
    const answer = await house.exchange(await house.assert());

    expect([answer.status, await errorOf(answer), reason()]).toEqual([
      400,
      'invalid_grant',
      'identity_assertion_issuer',
    ]);
  });

  it('298: ends the tokens that came of it, wherever they are asked about', async () => {
    await start();
    const token = await obtain();
    expect((await call(token)).status).toBe(200);
    expect(await isActive(token)).toBe(true);
    await nobody();

    await expectWithdrawn(token);
    expect(await isActive(token)).toBe(false);
  });

  it('298: ends the streams that were opened with them', async () => {
    await start();
    const token = await obtain();
    upstream.answer = (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: first\n\n');
    };
    const { status, body } = await call(token, '/mcp', { method: 'GET' });
    expect(status).toBe(200);
    const reader = body?.getReader();
    await reader?.read();
    await nobody();

    // Whether it ends or breaks off is the listener's.
    const rest = await reader?.read().catch(() => ({ done: true }));
    expect(rest?.done).toBe(true);
  });

  it('298: ends them for a client, or a mount, that the issuer may not send people to any more', async () => {
    await start();
    const { publicUrl } = house.gatehouse;
    const here = await obtain();
    const there = await obtain({ resource: `${publicUrl}/search/mcp` });
    await trust((issuer) => [{ ...issuer, resources: [`${publicUrl}/search/mcp`] }]);

    await expectWithdrawn(here);
    expect((await call(there, '/search/mcp')).status).toBe(200);
    await trust((issuer) => [{ ...issuer, clients: ['https://another.test/client.json'] }]);
    await expectWithdrawn(there, '/search/mcp');
  });

  it('298: ends no stream at a label that is not served any more, while the issuer may send people to the others', async () => {
    const wildcard = 'https://*.mcp.test/mcp';
    const tenants = {
      name: 'tenants',
      url: wildcard,
      upstream: `${upstream.origin}/{label}/mcp`,
      labels: ['red', 'blue'],
    };
    await start({ furtherMount: tenants, entry: { mounts: ['files', 'tenants'] } });
    const red = 'https://red.mcp.test/mcp';
    const tellMore: (() => void)[] = [];
    upstream.answer = (_, socket) => {
      tellMore.push(() => socket.write('data: second\n\n'));
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: first\n\n');
    };
    const listen = async (token: string, url?: string) => {
      const reader = (await call(token, url, { method: 'GET' })).body?.getReader();
      await reader?.read();
      return { isOver: async () => (await reader?.read().catch(() => ({ done: true })))?.done };
    };
    const atRed = await listen(await obtain({ resource: red }), red);
    const atFiles = await listen(await obtain());
    const { gateway, config } = house.gatehouse;
    await gateway.reload({
      ...config,
      mounts: config.mounts.map((mount) =>
        mount.name === 'tenants' ? { ...mount, labels: ['blue'] } : mount,
      ) as unknown as GatehouseConfig['mounts'],
      trustedIssuers: config.trustedIssuers.map((issuer) => ({ ...issuer, resources: [wildcard] })),
    });

    expect(await atFiles.isOver()).toBe(true);
    for (const tell of tellMore) tell();
    expect(await atRed.isOver()).toBe(false);
  });

  it('298: leaves those alone who logged in at the same issuer', async () => {
    const iss = 'https://login.test';
    const issuer = await startEnterpriseIssuer();
    await start({ entry: { issuer: iss, jwks_uri: `${issuer.issuer}/keys` }, issuer });
    const { accessToken } = await signIn(house.gatehouse);
    const token = await obtain({ iss });
    await nobody();

    expect((await call(accessToken)).status).toBe(200);
    await expectWithdrawn(token);
    await issuer.close();
  });

  it('298: counts no client among those that may come with assertions', async () => {
    await start();
    await nobody();
    const answer = await postForm(house.gatehouse, '/token', {
      grant_type: jwtBearer,
      assertion: await house.assert(),
      ...(await house.authenticate()),
    });

    expect(answer.status).toBe(400);
    expect(await errorOf(answer)).toMatch(/unsupported_grant_type|unauthorized_client/);
  });

  it('298: forgets the keys with it: one that was stolen is none when trust comes back', async () => {
    await start();
    await obtain();
    const stolen = await house.assert();
    await house.issuer.rotate();
    await nobody();
    await trust((issuer) => [issuer]);

    expect((await house.exchange(stolen)).status).toBe(400);
    await obtain();
  });

  it('298: keeps the keys of an issuer that stays, also while it does not answer', async () => {
    await start();
    await obtain();
    house.issuer.status = 500;
    await trust((issuer) => [
      { ...issuer, clients: [...issuer.clients, 'https://another.test/client.json'] },
    ]);

    await obtain();
  });

  it('298: counts from the file alone: with the entry back, all is as it was', async () => {
    await start();
    const token = await obtain();
    await nobody();
    await expectWithdrawn(token);
    await trust((issuer) => [issuer]);

    expect((await call(token)).status).toBe(200);
    await obtain();
  });
});

describe('an issuer that a reload brings', () => {
  it('is trusted without a restart, and metadata says so', async () => {
    await start();
    await nobody();
    const document = async (): Promise<Record<string, unknown>> =>
      (await (await house.gatehouse.fetch('/.well-known/oauth-authorization-server')).json()) as Record<
        string,
        unknown
      >;
    expect(await document()).not.toHaveProperty('authorization_grant_profiles_supported');
    expect((await document())['grant_types_supported']).not.toContain(jwtBearer);
    await trust((issuer) => [issuer]);

    expect((await document())['grant_types_supported']).toContain(jwtBearer);
    expect(await document()).toHaveProperty('authorization_grant_profiles_supported');
    expect((await call(await obtain())).status).toBe(200);
  });

  it('is held to what logins demand of the providers that there were at the start', async () => {
    await start();
    const { config } = house.gatehouse;
    const demanding: GatehouseConfig['trustedIssuers'] = config.trustedIssuers.map((each) => ({
      ...each,
      requiredClaims: { hd: ['example.com'] },
    }));
    await house.gatehouse.gateway.reload({ ...config, trustedIssuers: demanding });

    expect((await house.exchange(await house.assert())).status).toBe(400);
    expect((await house.exchange(await house.assert({ hd: 'example.com' }))).status).toBe(200);
  });
});
