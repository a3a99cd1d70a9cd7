import { auth, CrossAppAccessProvider } from '@modelcontextprotocol/client';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import { type Store, StoreError } from '../../src/platform/store/store.ts';
import { hashSecret } from '../support/configured-clients.ts';
import { errorOf } from '../support/device-flow.ts';
import {
  type EnterpriseHouse,
  type EnterpriseHouseOptions,
  jwtBearer,
  startEnterpriseHouse,
  startEnterpriseIssuer,
} from '../support/enterprise-house.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { postForm } from '../support/flow.ts';
import { closeAuthority } from '../support/metadata-hosts.ts';
import { createTestGatehouse } from '../support/gatehouse.ts';
import { replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

const closers: (() => Promise<void>)[] = [];

afterAll(closeAuthority);
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(options: EnterpriseHouseOptions = {}): Promise<EnterpriseHouse> {
  const house = await startEnterpriseHouse(options);
  closers.push(() => house.close());
  return house;
}

function refusalsOf({ gatehouse }: EnterpriseHouse): readonly string[] {
  return gatehouse.events.flatMap((event) => (event.type === 'request_refused' ? [event.reason] : []));
}

async function tokensOf(answer: Response): Promise<Record<string, unknown>> {
  return (await answer.json()) as Record<string, unknown>;
}

const scopes = { read: { default: true }, write: { includes: ['read'] }, admin: {} };

describe('Enterprise-Managed Authorization', () => {
  it('exchanges an assertion for an access token, and gives no refresh token', async () => {
    const house = await open();
    const answer = await house.exchange(await house.assert());
    expect([answer.status, answer.headers.get('cache-control'), await tokensOf(answer)]).toEqual([
      200,
      'no-store',
      { access_token: expect.stringMatching(/^mgh_at_/), token_type: 'Bearer', expires_in: 3595 },
    ]);
    expect(house.gatehouse.events).toContainEqual(
      expect.objectContaining({ type: 'tokens_issued', grantType: 'jwt_bearer', subject: 'alice' }),
    );
    expect((await house.gatehouse.store.list('grant:', { cursor: '', limit: 1 })).records).toEqual([]);
  });

  it('tells the upstream who the enterprise says it is, with verified address and groups', async () => {
    const upstream = await startRecordingUpstream();
    upstream.answer = replyJson({});
    closers.push(() => upstream.close());
    const house = await open({ mount: { upstream: `${upstream.origin}/mcp` } });
    const answer = await house.exchange(await house.assert({ groups: ['staff'] }));
    const { access_token: token } = await tokensOf(answer);
    await house.gatehouse.fetch('/mcp', {
      method: 'POST',
      headers: { Authorization: `Bearer ${String(token)}`, 'Content-Type': 'application/json' },
      body: '{}',
    });
    const [call] = upstream.requests;
    expect(['x-user-sub', 'x-user-email', 'x-user-groups'].map((name) => call?.header(name))).toEqual([
      ['alice'],
      ['alice@example.com'],
      ['staff'],
    ]);
  });

  it.each([
    [{}, undefined, 'read'],
    [{ scope: 'write' }, undefined, 'write'],
    [{ scope: 'write' }, 'read admin', 'read'],
    [{ scope: 'read write' }, 'write', 'write'],
    [{}, 'admin offline_access', 'admin'],
  ])('grants what assertion (%j) and request (%s) have in common: %s', async (claims, scope, granted) => {
    const house = await open({ mount: { scopes } });
    const answer = await house.exchange(await house.assert(claims), scope === undefined ? {} : { scope });
    expect(await tokensOf(answer)).toMatchObject({ scope: granted });
  });

  it('refuses when they have nothing in common', async () => {
    const house = await open({ mount: { scopes } });
    const answer = await house.exchange(await house.assert({ scope: 'read' }), { scope: 'admin' });
    expect([answer.status, await errorOf(answer), refusalsOf(house)]).toEqual([
      400,
      'invalid_scope',
      ['client_scope_refused'],
    ]);
  });

  it('takes the resource of the request, or the one there is, when the assertion names none', async () => {
    const house = await open();
    const resource = house.gatehouse.resource;
    expect((await house.exchange(await house.assert({ resource: undefined }), { resource })).status).toBe(
      200,
    );
    expect((await house.exchange(await house.assert({ resource: undefined }))).status).toBe(200);
  });

  it('lets in whom ALLOWED_GROUPS let in, and nobody else', async () => {
    const house = await open();
    house.gatehouse.identityProvider.allowedGroups = ['staff'];
    const refused = await house.exchange(await house.assert({ groups: ['guests'] }));
    expect([refused.status, await errorOf(refused), refusalsOf(house)]).toEqual([
      400,
      'invalid_grant',
      ['group'],
    ]);
    expect((await house.exchange(await house.assert({ groups: ['staff'] }))).status).toBe(200);
  });

  it('is in the metadata, and only when somebody is trusted', async () => {
    const house = await open();
    const off = await createTestGatehouse();
    closers.push(() => off.close());
    const read = async (gatehouse: typeof off): Promise<Record<string, unknown>> =>
      tokensOf(await gatehouse.fetch('/.well-known/oauth-authorization-server'));
    expect(await read(house.gatehouse)).toMatchObject({
      grant_types_supported: ['authorization_code', 'refresh_token', jwtBearer],
      authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
      token_endpoint_auth_methods_supported: expect.arrayContaining(['private_key_jwt']),
      token_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(['ES256']),
    });
    expect(await read(off)).not.toHaveProperty('authorization_grant_profiles_supported');
  });

  it('finds new keys of its issuer, and outlives the issuer’s outage', async () => {
    const house = await open();
    const { clock } = house.gatehouse;
    expect((await house.exchange(await house.assert())).status).toBe(200);
    clock.advance(61);
    await house.issuer.rotate();
    expect((await house.exchange(await house.assert())).status).toBe(200);
    house.issuer.status = 500;
    clock.advance(7200);
    expect((await house.exchange(await house.assert())).status).toBe(200);
    clock.advance(86_400);
    const refused = await house.exchange(await house.assert());
    expect([refused.status, refused.headers.get('retry-after'), refusalsOf(house)]).toEqual([
      503,
      '10',
      ['issuer_keys_unavailable'],
    ]);
  });

  it('asks its issuer nothing for assertions that are wrong anyway, and seldom for unknown keys', async () => {
    const house = await open();
    await house.exchange(await house.assert({ aud: 'https://elsewhere.test' }));
    expect(house.issuer.requests).toEqual([]);
    for (let round = 0; round < 5; round += 1) {
      await house.exchange(await house.assert({}, { kid: `made-up-${round}` }));
    }
    expect(house.issuer.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  it('does not take keys from an address that the issuer’s document does not vouch for', async () => {
    const house = await open({ entry: { issuer: 'http://127.0.0.1:9' } });
    const answer = await house.exchange(await house.assert({ iss: 'http://127.0.0.1:9' }));
    expect([answer.status, refusalsOf(house)]).toEqual([503, ['issuer_keys_unavailable']]);
  });

  it('answers 503 while the store is down, and the assertion is good after', async () => {
    const clock = new FakeClock();
    const whole = createMemoryStore({ clock });
    let isDown = false;
    const store: Store = {
      ...whole,
      putIfAbsent: (key, ...record) =>
        isDown && key.startsWith('identity-assertion:')
          ? Promise.reject(new StoreError('put', new Error('down')))
          : whole.putIfAbsent(key, ...record),
    };
    const house = await open({ store, clock });
    const assertion = await house.assert();
    isDown = true;
    const answer = await house.exchange(assertion);
    expect([answer.status, await errorOf(answer), answer.headers.get('retry-after')]).toEqual([
      503,
      'temporarily_unavailable',
      '2',
    ]);
    isDown = false;
    expect((await house.exchange(assertion)).status).toBe(200);
    expect(house.gatehouse.logged()).not.toContain(assertion);
  });

  it('is what the official client SDK does, with a client of the configuration', async () => {
    const issuer = await startEnterpriseIssuer();
    closers.push(() => issuer.close());
    const agent = {
      client_id: 'agent',
      name: 'Agent',
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret_sha256: hashSecret('the secret of the agent'),
      grant_types: ['jwt_bearer'],
    };
    const file = {
      mounts: [{ name: 'files', url: '/mcp', upstream: 'http://127.0.0.1:9/mcp' }],
      clients: [agent],
      trusted_issuers: [{ issuer: issuer.issuer, clients: ['agent'] }],
    };
    const gatehouse = await createTestGatehouse({ file: JSON.stringify(file) });
    closers.push(() => gatehouse.close());
    const provider = new CrossAppAccessProvider({
      clientId: 'agent',
      clientSecret: 'the secret of the agent',
      expectedIssuer: gatehouse.publicUrl,
      assertion: ({ authorizationServerUrl, resourceUrl }) => {
        const iat = gatehouse.clock.nowSeconds();
        const told = { aud: new URL(authorizationServerUrl).origin, resource: resourceUrl };
        const claims = {
          iss: issuer.issuer,
          sub: 'alice',
          client_id: 'agent',
          jti: 'once',
          iat,
          exp: iat + 300,
        };
        return issuer.sign({ ...claims, ...told });
      },
    });
    const fetchFn = (url: string | URL, init?: RequestInit): Promise<Response> =>
      gatehouse.fetch(String(url), init);
    expect(await auth(provider, { serverUrl: gatehouse.resource, fetchFn })).toBe('AUTHORIZED');
    expect(provider.tokens()?.access_token).toMatch(/^mgh_at_/);
  });

  it('needs an assertion, and a client that may', async () => {
    const house = await open();
    const missing = await postForm(house.gatehouse, '/token', {
      grant_type: jwtBearer,
      ...(await house.authenticate()),
    });
    expect([missing.status, await errorOf(missing)]).toEqual([400, 'invalid_request']);
    const stranger = await open({ entry: { clients: ['somebody-else'] } });
    const refused = await stranger.exchange(await stranger.assert());
    expect([refused.status, await errorOf(refused), refusalsOf(stranger)]).toEqual([
      400,
      'unauthorized_client',
      ['grant_type_refused'],
    ]);
  });

  it('holds people to the entry rules of the mount', async () => {
    const house = await open({
      mount: { entry: { subjects: { deny: ['alice'] }, groups: { none: ['temps'] } } },
    });
    // The same name at the provider that is set is another person.
    expect((await house.exchange(await house.assert())).status).toBe(200);
    const answer = await house.exchange(await house.assert({ groups: ['temps'] }));
    expect([answer.status, (await tokensOf(answer))['error']]).toEqual([400, 'invalid_grant']);
    expect(refusalsOf(house)).toEqual(['group']);
  });
});
