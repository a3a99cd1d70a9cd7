import { createHash } from 'node:crypto';

import { afterAll, afterEach, describe, expect, it } from 'vitest';

import type { MountConfig } from '../../src/gateway/config/config.ts';
import { lanes } from '../support/attacked-house.ts';
import { Browser } from '../support/browser.ts';
import { hashSecret } from '../support/configured-clients.ts';
import { startEnterpriseHouse } from '../support/enterprise-house.ts';
import { authorizeUrl, postForm, refresh, registerClient, signIn } from '../support/flow.ts';
import { createProvingKey, hashToken, signProof } from '../support/key-proofs.ts';
import { closeAuthority } from '../support/metadata-hosts.ts';
import { type RecordedRequest, replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';
import {
  resourceAt,
  startWildcardHouse,
  type WildcardHouse,
  type WildcardHouseOptions,
} from '../support/wildcard-house.ts';

let house: WildcardHouse;
const houses: WildcardHouse[] = [];

async function start(options: WildcardHouseOptions = {}): Promise<void> {
  house = await startWildcardHouse(options);
  houses.push(house);
}

afterAll(closeAuthority);
afterEach(async () => {
  for (const each of houses.splice(0)) {
    expect(each.logged()).not.toContain('internal_error');
    await each.close();
  }
});

const [red, blue] = [resourceAt('red'), resourceAt('blue')];

function metadataAt(label: string): string {
  return `https://${label}.mcp.test/.well-known/oauth-protected-resource/mcp`;
}

async function tokenFor(resource: string): Promise<string> {
  return (await signIn(house.asking(resource))).accessToken;
}

async function statusOf(url: string, accessToken?: string): Promise<number> {
  const answer = await house.call(url, accessToken);
  await answer.arrayBuffer();
  return answer.status;
}

/** An open stream of events at a resource; its upstream says something when told to. */
async function openStream(resource: string, accessToken: string) {
  const usual = house.upstream.answer;
  house.upstream.answer = (_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: first\n\n');
  };
  const at = house.upstream.requests.length;
  const { status, body } = await house.call(resource, accessToken, { method: 'GET', body: null });
  house.upstream.answer = usual;
  if (status !== 200 || body === null) throw new Error(`no stream: ${status}`);
  const reader = body.getReader();
  const next = async (): Promise<string> => {
    const { done, value } = await reader.read();
    return done ? 'end' : Buffer.from(value as Uint8Array).toString();
  };
  expect(await next()).toBe('data: first\n\n');
  const upstream: RecordedRequest = await house.upstream.request(at);
  return { next, upstream };
}

/** The mounts with another wildcard one. */
function changed(change: Partial<MountConfig>) {
  return (mounts: readonly MountConfig[]): readonly MountConfig[] =>
    mounts.map((mount) => (mount.name === 'tenants' ? { ...mount, ...change } : mount));
}

describe.each(lanes)('a mount at every host that a wildcard matches, on the %s', (_lane, env) => {
  it('lets a client in at the label that it signed in for, and at no other', async () => {
    await start({ env });
    const accessToken = await tokenFor(red);

    const answer = await house.call(red, accessToken);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ at: '/red/mcp' });
    for (const url of [blue, 'https://own.mcp.test/notes', 'https://gatehouse.test/mcp']) {
      const refused = await house.call(url, accessToken);
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    }
    expect(house.upstream.requests).toHaveLength(1);
    expect(house.other.requests).toEqual([]);
    expect(await statusOf(red, accessToken)).toBe(200);
  });

  it('challenges at each label with the metadata of that label', async () => {
    await start({ env });

    for (const label of ['red', 'blue', 'x-1']) {
      const answer = await house.call(resourceAt(label));
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain(`resource_metadata="${metadataAt(label)}"`);
      for (const url of [metadataAt(label), metadataAt(label).slice(0, -'/mcp'.length)]) {
        const metadata = await house.fetch(url);
        expect(await metadata.json()).toMatchObject({
          resource: resourceAt(label),
          authorization_servers: ['https://gatehouse.test'],
        });
      }
    }
  });

  it('keeps what follows the mount, and tells the upstream the label where it is asked to', async () => {
    await start({
      env,
      wildcard: { request_headers: { set: { 'X-Tenant': '{label}', 'X-Zone': 'eu' } } },
    });
    const accessToken = await tokenFor(red);

    expect(await statusOf(`${red}/deep/er?x=1`, accessToken)).toBe(200);
    const [request] = house.upstream.requests;
    expect(request?.target).toBe('/red/mcp/deep/er?x=1');
    expect(request?.header('x-tenant')).toEqual(['red']);
    expect(request?.header('x-zone')).toEqual(['eu']);
    expect(request?.header('host')).toEqual([new URL(house.upstream.origin).host]);
  });

  it('has a client prove its key for the URL of the label alone (RFC 9449 §4.3)', async () => {
    const secret = 'the secret of the job';
    await start({
      env,
      wildcard: { dpop: 'required' },
      sections: { clients: [jobOf(secret)] },
    });
    const key = createProvingKey();
    const prove = (htu: string, more: object = {}): { DPoP: string } => ({
      DPoP: signProof(key, { claims: { htm: 'POST', htu, iat: house.clock.nowSeconds(), ...more } }),
    });
    const proof = prove('https://gatehouse.test/token');
    const issued = await postForm(house, '/token', grantOf(red), { ...basicOf(secret), ...proof });
    const { access_token: token } = (await issued.json()) as { access_token: string };
    const call = async (url: string, htu: string): Promise<number> => {
      const headers = { authorization: `DPoP ${token}`, ...prove(htu, { ath: hashToken(token) }) };
      return (await house.call(url, undefined, { headers })).status;
    };

    expect(await call(red, red)).toBe(200);
    expect(await call(red, blue)).toBe(401);
    expect(await call(red, 'https://*.mcp.test/mcp')).toBe(401);
    expect(await call(blue, blue)).toBe(401);
    expect(house.upstream.requests).toHaveLength(1);
  });

  it('gives sessions to the label that they were opened at', async () => {
    await start({ env });
    const [ofRed, ofBlue] = [await tokenFor(red), await tokenFor(blue)];
    house.upstream.answer = replyJson({}, { 'mcp-session-id': 'upstream-session' });
    const opened = await house.call(red, ofRed);
    const headers = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };

    expect((await house.call(red, ofRed, { headers })).status).toBe(200);
    expect((await house.call(blue, ofBlue, { headers })).status).toBe(404);
    expect(house.upstream.requests).toHaveLength(2);
  });

  it('serves several paths, each for labels of its own', async () => {
    await start({
      env,
      wildcard: { labels: ['red', 'blue'] },
      mounts: ({ other }) => [
        { name: 'wikis', url: 'https://*.mcp.test/wiki', upstream: `${other}/mcp`, labels: ['red'] },
      ],
    });
    const accessToken = await tokenFor('https://red.mcp.test/wiki');

    expect(await statusOf('https://red.mcp.test/wiki', accessToken)).toBe(200);
    expect(await statusOf(red, accessToken)).toBe(401);
    expect(await statusOf('https://blue.mcp.test/wiki', accessToken)).toBe(404);
    expect(await statusOf(resourceAt('green'), accessToken)).toBe(403);
    const { status } = await house.fetch('https://red.mcp.test/.well-known/oauth-protected-resource');
    expect(status).toBe(404);
  });

  it('leaves to a mount with a host of its own all of that host', async () => {
    await start({ env });
    const accessToken = await tokenFor('https://own.mcp.test/notes');

    expect(await statusOf('https://own.mcp.test/notes', accessToken)).toBe(200);
    expect(await statusOf(resourceAt('own'), accessToken)).toBe(404);
    expect((await house.fetch(metadataAt('own'))).status).toBe(404);
    const root = await house.fetch('https://own.mcp.test/.well-known/oauth-protected-resource');
    expect(await root.json()).toMatchObject({ resource: 'https://own.mcp.test/notes' });
  });

  it('is named in the log with its host, and in metrics by its one name', async () => {
    await start({ env });
    expect(await statusOf(red, await tokenFor(red))).toBe(200);
    expect(await statusOf(blue)).toBe(401);

    expect(house.logged()).toMatch(/"path":"\/mcp","status":200,.*"mount":"tenants","host":"red\.mcp\.test"/);
    const { metricsPort } = await house.listen();
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(metrics).toContain('gatehouse_mount_requests_total{mount="tenants",status="2xx"} 1');
    expect(metrics).toContain('gatehouse_mount_requests_total{mount="tenants",status="4xx"} 1');
    expect(metrics).not.toContain('mcp.test');
  });
});

function jobOf(secret: string): Readonly<Record<string, unknown>> {
  return {
    client_id: 'job',
    name: 'Nightly job',
    token_endpoint_auth_method: 'client_secret_basic',
    client_secret_sha256: hashSecret(secret),
    grant_types: ['client_credentials'],
    mounts: ['tenants'],
  };
}

function basicOf(secret: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`job:${encodeURIComponent(secret)}`).toString('base64')}` };
}

function grantOf(resource: string): Record<string, string> {
  return { grant_type: 'client_credentials', resource };
}

describe('the resource of an authorization request', () => {
  it.each([
    ['Tenants', 'Tenants (red)'],
    ['Wiki of {label}', 'Wiki of red'],
    [undefined, red],
  ])('is that of a label, and the consent page says so under the title %s', async (title, shown) => {
    await start({ wildcard: title === undefined ? {} : { title } });
    const client = await registerClient(house);

    const spelled = house.asking('https://RED.mcp.test:443/mcp/');
    const page = await new Browser(house).get(authorizeUrl(spelled, client));
    const html = await page.text();
    expect(html).toContain(`Allow access to <bdi>${shown}</bdi>?`);
    expect(html).toContain(`<code>${red}</code>`);
    const metadata = (await (await house.fetch(metadataAt('red'))).json()) as object;
    expect(metadata).toMatchObject({
      resource: red,
      ...(title === undefined ? {} : { resource_name: shown }),
    });
  });

  it.each([
    'https://*.mcp.test/mcp',
    'https://%2A.mcp.test/mcp',
    'https://a.b.mcp.test/mcp',
    'https://mcp.test/mcp',
    'https://.mcp.test/mcp',
    'https://a_b.mcp.test/mcp',
    'https://-a.mcp.test/mcp',
    'https://xn--dmin-7cd.mcp.test/mcp',
    'https://red.mcp.test:8443/mcp',
    'http://red.mcp.test/mcp',
    'http://red.mcp.test:443/mcp',
    'https://red.mcp.test/wiki',
    'https://red.mcp.test',
    'https://red.mcp.test./mcp',
    'https://own.mcp.test/mcp',
    `https://${'x'.repeat(64)}.mcp.test/mcp`,
    'https://red.mcp.test.evil.test/mcp',
    'https://red.mcp.test@evil.test/mcp',
  ])('is invalid when it is %s', async (resource) => {
    await start();
    const client = await registerClient(house);

    const answer = await house.fetch(authorizeUrl(house.asking(resource), client));
    const location = new URL(answer.headers.get('location') ?? '');
    expect(location.searchParams.get('error')).toBe('invalid_target');
    expect(house.events.at(-1)).toMatchObject({ type: 'request_refused', reason: 'resource_mismatch' });
  });

  it('is no label that is not in the list', async () => {
    await start({ wildcard: { labels: ['red'] } });
    const client = await registerClient(house);

    const answer = await house.fetch(authorizeUrl(house.asking(blue), client));
    expect(new URL(answer.headers.get('location') ?? '').searchParams.get('error')).toBe('invalid_target');
    expect(await statusOf(red, await tokenFor(red))).toBe(200);
  });

  it('is refused when it names none and the only mount has many', async () => {
    await start();
    const client = await registerClient(house);
    await house.reload((mounts) => mounts.filter(({ name }) => name === 'tenants'));

    for (const resource of [undefined, 'https://gatehouse.test']) {
      const answer = await house.fetch(authorizeUrl(house.asking(resource as string), client));
      expect(new URL(answer.headers.get('location') ?? '').searchParams.get('error')).toBe('invalid_target');
    }
  });

  it('stays that of the grant: another label is not to be had for its refresh token', async () => {
    await start();
    const { client, refreshToken } = await signIn(house.asking(red));

    const other = await postForm(house, '/token', {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: client.clientId,
      resource: blue,
    });
    expect(await other.json()).toMatchObject({ error: 'invalid_target' });
    expect((await refresh(house, client.clientId, refreshToken)).status).toBe(200);
  });
});

describe('rules for a mount at many hosts', () => {
  const secret = 'the secret of the job';

  it('let a client that is for the mount have a token for each label, and for no other mount', async () => {
    await start({ sections: { clients: [jobOf(secret)] } });

    for (const resource of [red, blue]) {
      const issued = await postForm(house, '/token', grantOf(resource), basicOf(secret));
      const { access_token: token } = (await issued.json()) as { access_token: string };
      expect(await statusOf(resource, token)).toBe(200);
    }
    for (const resource of ['https://own.mcp.test/notes', 'https://gatehouse.test/mcp']) {
      const refused = await postForm(house, '/token', grantOf(resource), basicOf(secret));
      expect(await refused.json()).toMatchObject({ error: 'invalid_target' });
    }
    expect(house.events.at(-1)).toMatchObject({ reason: 'client_resource_refused' });
  });

  it('do not let that client have the host that became a mount of its own, under whatever path', async () => {
    await start({
      sections: { clients: [jobOf(secret)] },
      mounts: ({ other }) => [{ name: 'vip', url: resourceAt('vip'), upstream: `${other}/mcp` }],
    });

    const refused = await postForm(house, '/token', grantOf(resourceAt('vip')), basicOf(secret));
    expect(await refused.json()).toMatchObject({ error: 'invalid_target' });
    expect(house.events.at(-1)).toMatchObject({ reason: 'client_resource_refused' });
  });

  it('let a trusted issuer that is for the mount send people to each label, and to no other mount', async () => {
    const upstream = await startRecordingUpstream();
    const enterprise = await startEnterpriseHouse({
      furtherMount: { name: 'tenants', url: 'https://*.mcp.test/mcp', upstream: `${upstream.origin}/mcp` },
      entry: { mounts: ['tenants'] },
    });
    const exchange = async (resource: string) =>
      await (await enterprise.exchange(await enterprise.assert({ resource }))).json();
    const callWith = async (token: unknown): Promise<number> => {
      const headers = { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' };
      return (await enterprise.gatehouse.fetch(red, { method: 'POST', body: '{}', headers })).status;
    };

    const { access_token: token } = (await exchange(red)) as { access_token?: string };
    expect(await callWith(token)).toBe(200);
    expect(await exchange('https://gatehouse.test/mcp')).toMatchObject({ error: 'invalid_grant' });
    await enterprise.gatehouse.gateway.reload({
      ...enterprise.gatehouse.config,
      trustedIssuers: enterprise.gatehouse.config.trustedIssuers.map((issuer) => ({
        ...issuer,
        resources: [red],
      })),
    });
    expect(await callWith(token)).toBe(401);
    await enterprise.close();
    await upstream.close();
  });

  it('tell a resource server of the mount about tokens for its labels, as long as they are served', async () => {
    const asking = createHash('sha256').update(secret).digest('hex');
    await start({
      env: { INTROSPECTION_CLIENTS: `backend:${asking}:tenants` },
      wildcard: { labels: ['red', 'blue'] },
    });
    const authorization = `Basic ${Buffer.from(`backend:${encodeURIComponent(secret)}`).toString('base64')}`;
    const ask = async (token: string): Promise<unknown> =>
      (await postForm(house, '/introspect', { token }, { authorization })).json();
    const [ofRed, ofMain] = [await tokenFor(red), await tokenFor('https://gatehouse.test/mcp')];

    expect(await ask(ofRed)).toMatchObject({ active: true, aud: red });
    expect(await ask(ofMain)).toEqual({ active: false });
    await house.reload(changed({ labels: ['blue'] }));
    expect(await ask(ofRed)).toEqual({ active: false });
  });

  it('say who may enter each label, and nothing about a host of its own', async () => {
    await start({
      wildcard: { entry: { groups: { any: ['nobody'] } } },
      mounts: ({ other }) => [{ name: 'vip', url: resourceAt('vip'), upstream: `${other}/mcp` }],
    });

    await expect(tokenFor(red)).rejects.toThrow();
    expect(house.events).toContainEqual(
      expect.objectContaining({ type: 'request_refused', reason: 'group' }),
    );
    expect(await statusOf(resourceAt('vip'), await tokenFor(resourceAt('vip')))).toBe(200);
  });

  it('say what may be called at each label, from one moment to the next', async () => {
    await start({ wildcard: { policy: { default: 'deny' } } });
    const [ofRed, ofBlue] = [await tokenFor(red), await tokenFor(blue)];
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}';
    const ask = async (url: string, token: string): Promise<number> =>
      (await house.call(url, token, { body })).status;

    expect(await ask(red, ofRed)).toBe(403);
    await house.reload(changed({ policy: undefined }));
    expect([await ask(red, ofRed), await ask(blue, ofBlue)]).toEqual([200, 200]);
    await house.reload(changed({ policy: { otherwise: 'deny', rules: [] } }));
    expect([await ask(red, ofRed), await ask(blue, ofBlue)]).toEqual([403, 403]);
    expect(house.logged()).not.toContain('"retired":["tenants"]');
  });
});

describe('a reload of a mount at many hosts', () => {
  it('keeps every label with its stream when the mount is as it was', async () => {
    await start();
    const stream = await openStream(red, await tokenFor(red));

    await house.reload((mounts) => mounts.map((mount) => ({ ...mount, isDefault: false })));
    expect(house.logged()).toContain('"opened":[],"retired":[]');

    stream.upstream.socket.write('data: second\n\n');
    expect(await stream.next()).toBe('data: second\n\n');
  });

  it('ends no stream when the mount is another, and brings calls to the new upstream', async () => {
    await start();
    const accessToken = await tokenFor(red);
    const stream = await openStream(red, accessToken);

    const [, tenants] = house.config.mounts;
    await house.reload(changed({ upstream: { ...tenants!.upstream, origin: house.other.origin } }));

    expect(await (await house.call(red, accessToken)).json()).toEqual({ at: 'other' });
    stream.upstream.socket.write('data: second\n\n');
    expect(await stream.next()).toBe('data: second\n\n');
    stream.upstream.socket.end();
    expect(await stream.next()).toBe('end');
    await stream.upstream.closed;
  });

  it('takes a label away as it takes a mount away, and gives it back', async () => {
    await start({ wildcard: { labels: ['red', 'blue'] } });
    const { accessToken, refreshToken, client } = await signIn(house.asking(red));
    const ofBlue = await tokenFor(blue);
    const [stream, kept] = [await openStream(red, accessToken), await openStream(blue, ofBlue)];

    await house.reload(changed({ labels: ['blue'] }));

    expect(await statusOf(red, accessToken)).toBe(403);
    expect(await statusOf(blue, ofBlue)).toBe(200);
    const refused = await refresh(house, client.clientId, refreshToken);
    expect(await refused.json()).toMatchObject({ error: 'invalid_grant' });
    for (const each of [stream, kept]) {
      each.upstream.socket.write('data: second\n\n');
      expect(await each.next()).toBe('data: second\n\n');
    }
    stream.upstream.socket.end();
    expect(await stream.next()).toBe('end');
    await house.reload(changed({ labels: ['red', 'blue'] }));
    expect(await statusOf(red, accessToken)).toBe(200);
    expect((await refresh(house, client.clientId, refreshToken)).status).toBe(200);
    expect(house.logged()).not.toContain('"retired":["tenants"]');
  });

  it('ends a stream of a label when its grant is revoked, also after the mount is gone', async () => {
    await start();
    const { accessToken, refreshToken, client } = await signIn(house.asking(red));
    const stream = await openStream(red, accessToken);
    await house.reload((mounts) => mounts.filter(({ name }) => name !== 'tenants'));

    const form = { token: refreshToken, client_id: client.clientId };
    expect((await postForm(house, '/revoke', form)).status).toBe(200);

    expect(await stream.next()).toBe('end');
  });

  it('gives a host to a mount of its own, and takes it back', async () => {
    await start();
    const accessToken = await tokenFor(red);
    const own = house.config.mounts.find(({ name }) => name === 'own');

    await house.reload((mounts) => [...mounts, { ...own!, name: 'red', publicOrigin: new URL(red).origin }]);
    expect(await statusOf(red, accessToken)).toBe(404);
    await house.reload((mounts) => mounts);
    expect(await statusOf(red, accessToken)).toBe(200);
  });
});
