import { randomBytes } from 'node:crypto';

import { SignJWT } from 'jose';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
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

function reasonsOf({ gatehouse }: EnterpriseHouse): readonly string[] {
  return gatehouse.events.flatMap((event) => (event.type === 'request_refused' ? [event.reason] : []));
}

async function expectRefused(house: EnterpriseHouse, assertion: string, reason: string): Promise<void> {
  const answer = await house.exchange(assertion);
  expect([answer.status, await errorOf(answer), reasonsOf(house).at(-1)]).toEqual([
    400,
    'invalid_grant',
    reason,
  ]);
  expect(house.gatehouse.events.some(({ type }) => type === 'tokens_issued')).toBe(false);
  const marks = await house.gatehouse.store.list('identity-assertion:', { cursor: '', limit: 1 });
  expect(marks.records).toEqual([]);
}

describe('F. identity assertions at the token endpoint (ID-JAG)', () => {
  it('82: of many exchanges of one assertion at two replicas, one gets a token', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    const left = await open({ clock, store });
    for (let round = 0; round < 5; round += 1) {
      const assertion = await left.assert();
      const answers = await Promise.all(Array.from({ length: 8 }, () => left.exchange(assertion)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    }
    expect(new Set(reasonsOf(left))).toEqual(new Set(['identity_assertion_replay']));
  });

  it('82: an assertion that was used cannot be used at another replica, nor by its end', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    const issuer = await startEnterpriseIssuer();
    closers.push(() => issuer.close());
    const left = await open({ clock, store, issuer });
    const right = await open({ clock, store, issuer });
    const assertion = await left.assert();
    expect((await left.exchange(assertion)).status).toBe(200);
    expect(await errorOf(await right.exchange(assertion))).toBe('invalid_grant');
    clock.advance(329);
    expect(await errorOf(await right.exchange(assertion))).toBe('invalid_grant');
    expect(reasonsOf(right)).toEqual(['identity_assertion_replay', 'identity_assertion_replay']);
  });

  it('84: the assertion of another client is refused, and one that names none', async () => {
    const house = await open();
    await expectRefused(house, await house.assert({ client_id: 'another' }), 'identity_assertion_client');
    await expectRefused(house, await house.assert({ client_id: undefined }), 'identity_assertion_client');
    await expectRefused(house, await house.assert({ client_id: ['x'] }), 'identity_assertion_client');
  });

  it.each([
    ['https://elsewhere.test'],
    [undefined],
    ['https://gatehouse.test/'],
    ['https://gatehouse.test/token'],
    ['https://gatehouse.test/mcp'],
    [['https://gatehouse.test', 'https://elsewhere.test']],
    [[]],
  ])('85: an assertion for another server, or for several, is refused: %j', async (aud) => {
    const house = await open();
    await expectRefused(house, await house.assert({ aud }), 'identity_assertion_audience');
  });

  it.each(['jwt', 'JWT', 'at+jwt', 'logout+jwt', 'oauth-id-jag', undefined])(
    '86: a token of the same issuer that is for something else is refused: typ %s',
    async (typ) => {
      const house = await open();
      await expectRefused(house, await house.assert({}, { typ }), 'identity_assertion_invalid');
    },
  );

  it.each([
    [{ iss: 'https://other.test' }, 'identity_assertion_issuer'],
    [{ iss: undefined }, 'identity_assertion_issuer'],
    [{ jti: undefined }, 'identity_assertion_invalid'],
    [{ jti: '' }, 'identity_assertion_invalid'],
    [{ jti: 'x'.repeat(513) }, 'identity_assertion_invalid'],
    [{ exp: undefined }, 'identity_assertion_invalid'],
    [{ iat: undefined }, 'identity_assertion_invalid'],
    [{ sub: undefined }, 'subject_missing'],
    [{ sub: ' alice' }, 'subject_missing'],
    [{ email_verified: false }, 'email_unverified'],
    [{ groups: ['a,b'] }, 'group_invalid'],
    [{ resource: 'https://elsewhere.test/mcp' }, 'identity_assertion_resource'],
    [{ resource: ['https://gatehouse.test/mcp'] }, 'identity_assertion_invalid'],
    [{ scope: ['read'] }, 'identity_assertion_invalid'],
  ])('an assertion with %j is refused as %s', async (claims, reason) => {
    const house = await open();
    await expectRefused(house, await house.assert(claims), reason);
  });

  it('one that is too old, from the future, or for too long is refused', async () => {
    const house = await open();
    const now = house.gatehouse.clock.nowSeconds();
    await expectRefused(
      house,
      await house.assert({ iat: now - 400, exp: now - 31 }),
      'identity_assertion_expired',
    );
    await expectRefused(
      house,
      await house.assert({ iat: now + 60, exp: now + 120 }),
      'identity_assertion_invalid',
    );
    await expectRefused(house, await house.assert({ exp: now + 601 }), 'identity_assertion_invalid');
    await expectRefused(house, await house.assert({ nbf: now + 60 }), 'identity_assertion_invalid');
  });

  it('one that nobody signed, or somebody else, is refused: none, symmetric, another key, altered', async () => {
    const house = await open();
    const good = await house.assert();
    const [, payload = ''] = good.split('.');
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const typ = 'oauth-id-jag+jwt';
    const secret = randomBytes(32);
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const symmetric = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ }).sign(secret);
    await expectRefused(house, `${encode({ alg: 'none', typ })}.${payload}.`, 'identity_assertion_invalid');
    await expectRefused(house, symmetric, 'identity_assertion_invalid');
    const other = await startEnterpriseIssuer();
    closers.push(() => other.close());
    await expectRefused(house, await other.sign(claims), 'identity_assertion_unsigned');
    const altered = `${good.split('.')[0]}.${encode({ ...claims, sub: 'mallory' })}.${good.split('.')[2]}`;
    await expectRefused(house, altered, 'identity_assertion_unsigned');
    await expectRefused(
      house,
      await house.assert({}, { crit: ['exp'] }).catch(() => 'x.y.z'),
      'identity_assertion_invalid',
    );
    await expectRefused(house, 'no-jwt', 'identity_assertion_invalid');
    await expectRefused(house, 'a'.repeat(16_385), 'identity_assertion_invalid');
  });

  it('88: without a credential of the client, or with another’s, nothing is exchanged', async () => {
    const house = await open();
    const assertion = await house.assert();
    const form = { grant_type: jwtBearer, assertion };
    const bare = await postForm(house.gatehouse, '/token', {
      ...form,
      client_id: 'https://client.example/oauth/client.json',
    });
    expect([bare.status, await errorOf(bare)]).toEqual([401, 'invalid_client']);
    const anonymous = await postForm(house.gatehouse, '/token', form);
    expect(await errorOf(anonymous)).toBe('invalid_request');
    expect((await house.exchange(assertion)).status).toBe(200);
  });

  it('88: a public client gets nothing, although the issuer may send it', async () => {
    const house = await open({ document: { token_endpoint_auth_method: 'none', jwks: undefined } });
    const answer = await postForm(house.gatehouse, '/token', {
      grant_type: jwtBearer,
      assertion: await house.assert(),
      client_id: 'https://client.example/oauth/client.json',
    });
    expect([answer.status, await errorOf(answer)]).toEqual([400, 'unauthorized_client']);
  });

  it('91: whatever is wrong with an assertion, a stranger hears the same words', async () => {
    const house = await open();
    const wrong = [{ iss: 'https://other.test' }, { aud: 'https://x.test' }, { client_id: 'x' }, { jti: '' }];
    const bodies = new Set<string>();
    for (const claims of wrong) bodies.add(await (await house.exchange(await house.assert(claims))).text());
    expect(bodies.size).toBe(1);
  });

  it('100: a request that is refused does not use the assertion up', async () => {
    const house = await open();
    const assertion = await house.assert();
    const form = { resource: 'https://elsewhere.test/mcp' };
    expect(await errorOf(await house.exchange(assertion, form))).toBe('invalid_target');
    expect((await house.exchange(assertion)).status).toBe(200);
  });

  it('106: who was cut off stays out, with the token and with an assertion from before', async () => {
    const house = await open({ env: { REVOKE_BEFORE: undefined } });
    const { gatehouse } = house;
    const before = await house.assert();
    const answer = (await (await house.exchange(await house.assert())).json()) as Record<string, string>;
    // The identity provider ends everything of the person.
    gatehouse.clock.advance(1);
    const logout = {
      issuer: house.issuer.issuer,
      subject: 'alice',
      sessionId: undefined,
      tokenId: 'logout-1',
      issuedAt: gatehouse.clock.nowSeconds(),
      acceptableUntil: gatehouse.clock.nowSeconds() + 600,
    };
    const told = await postForm(gatehouse, '/backchannel-logout', { logout_token: JSON.stringify(logout) });
    expect(told.status).toBe(200);
    const call = await gatehouse.fetch('/mcp', {
      method: 'POST',
      headers: { Authorization: `Bearer ${answer['access_token']}` },
    });
    expect(call.status).toBe(401);
    expect(await errorOf(await house.exchange(before))).toBe('invalid_grant');
    expect(reasonsOf(house).at(-1)).toBe('token_revoked');
    gatehouse.clock.advance(10);
    expect((await house.exchange(await house.assert())).status).toBe(200);
  });

  it('an assertion is no way around the organisation that logins are for', async () => {
    const issuer = await startEnterpriseIssuer();
    closers.push(() => issuer.close());
    const iss = 'https://accounts.google.com';
    const house = await open({
      issuer,
      entry: { issuer: iss, jwks_uri: `${issuer.issuer}/keys` },
      env: { IDP: 'google', OIDC_ISSUER_URL: undefined, GOOGLE_HOSTED_DOMAIN: 'example.com' },
    });
    for (const hd of [undefined, 'elsewhere.example', ['example.com']]) {
      await expectRefused(house, await house.assert({ iss, hd }), 'claim_required');
    }
    expect((await house.exchange(await house.assert({ iss, hd: 'example.com' }))).status).toBe(200);
  });

  it('144: a resource that its issuer may not send people to is refused, the others are not', async () => {
    const furtherMount = { name: 'search', url: '/search/mcp', upstream: 'http://127.0.0.1:9/mcp' };
    const house = await open({ furtherMount, entry: { mounts: ['search'] } });
    const { publicUrl, resource } = house.gatehouse;
    await expectRefused(house, await house.assert({ resource }), 'identity_assertion_resource');
    await expectRefused(house, await house.assert({ resource: undefined }), 'identity_assertion_resource');
    expect((await house.exchange(await house.assert({ resource: `${publicUrl}/search/mcp` }))).status).toBe(
      200,
    );
  });
});
