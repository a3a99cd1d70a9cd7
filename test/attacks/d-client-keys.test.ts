import { createHmac, sign } from 'node:crypto';

import { afterAll, afterEach, describe, expect, it } from 'vitest';

import {
  assertionFields,
  type AssertionOptions,
  type ClientKeyPair,
  createClientKey,
  forgeAssertion,
  publicPem,
  signAssertion,
} from '../support/client-keys.ts';
import { authorizeUrl, obtainCode, postForm, type SignedIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import {
  answerJson,
  clientUrl,
  closeAuthority,
  describeDocument,
  type MetadataHosts,
  publicAddress,
  startMetadataHosts,
} from '../support/metadata-hosts.ts';

const keysUrl = 'https://client.example/keys';
const client = { clientId: clientUrl, redirectUri: 'https://client.example/callback' };
const closers: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(closeAuthority);

interface House {
  readonly gatehouse: TestGatehouse;
  readonly hosts: MetadataHosts;
  /** The keys of the client, as they are published. */
  publish(...keys: readonly ClientKeyPair[]): void;
  /** What is at the address of its keys; undefined: what was published. */
  answerKeys: MetadataHosts['answer'] | undefined;
  keyRequests(): number;
}

/** A house that knows one client by its document; its keys are in there, or at an address. */
async function open(
  options: TestGatehouseOptions & {
    readonly keys?: readonly ClientKeyPair[];
    readonly at?: 'document' | 'address';
    readonly members?: Record<string, unknown>;
  } = {},
): Promise<House> {
  const { keys = [es256], at = 'document', members = {}, ...rest } = options;
  const hosts = await startMetadataHosts();
  let published = keys;
  hosts.answer = (request, response) => {
    const jwks = { keys: published.map(({ jwk }) => jwk) };
    const own = at === 'document' ? { jwks } : { jwks_uri: keysUrl };
    const document = describeDocument({ token_endpoint_auth_method: 'private_key_jwt', ...own, ...members });
    if (request.url !== '/keys') answerJson(document)(request, response);
    else (house.answerKeys ?? answerJson(jwks))(request, response);
  };
  const gatehouse = await createTestGatehouse({ network: hosts, ...rest });
  closers.push(() => gatehouse.close(), hosts.close);
  const house: House = {
    gatehouse,
    hosts,
    answerKeys: undefined,
    publish(...next) {
      published = next;
    },
    keyRequests: () => hosts.requests.filter(({ url }) => url === '/keys').length,
  };
  return house;
}

const es256 = createClientKey('ES256', { kid: 'a' });

function assertion(
  { gatehouse }: House,
  key: ClientKeyPair = es256,
  options: Partial<AssertionOptions> = {},
): Promise<string> {
  const { clock, publicUrl } = gatehouse;
  return signAssertion(key, {
    clock,
    clientId: clientUrl,
    audience: publicUrl,
    header: { kid: key.jwk['kid'] },
    ...options,
  });
}

function codeFields(signedIn: SignedIn): Record<string, string> {
  const { code, redirectUri, verifier } = signedIn;
  return { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier };
}

function redeemWith(
  { gatehouse }: House,
  signedIn: SignedIn,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return postForm(gatehouse, '/token', { ...codeFields(signedIn), ...fields }, headers);
}

/** Refused as any other failure is, with nothing issued, and the code still good for its client. */
async function expectRefusal(
  house: House,
  signedIn: SignedIn,
  fields: Record<string, string>,
  reason: string,
): Promise<void> {
  const refused = await redeemWith(house, signedIn, fields);
  const body = (await refused.json()) as Record<string, unknown>;
  expect([refused.status, body['error'], refused.headers.get('www-authenticate')]).toEqual([
    401,
    'invalid_client',
    null,
  ]);
  expect(body['error_description']).toMatch(/^Client authentication failed: /);
  const { events } = house.gatehouse;
  expect(events.findLast(({ type }) => type === 'request_refused')).toMatchObject({ reason });
  expect(events.filter(({ type }) => type === 'tokens_issued')).toEqual([]);
}

async function expectGood(house: House, signedIn: SignedIn, key: ClientKeyPair = es256): Promise<void> {
  const response = await redeemWith(house, signedIn, assertionFields(await assertion(house, key)));
  expect(response.status).toBe(200);
}

describe('clients with keys (private_key_jwt)', () => {
  it.each(['ES256', 'EdDSA', 'PS256', 'RS256'])(
    'a client redeems, refreshes and revokes with %s',
    async (name) => {
      const key = createClientKey(name);
      const house = await open({ keys: [key] });
      const signedIn = await obtainCode(house.gatehouse, { client });
      const fields = async (): Promise<Record<string, string>> =>
        assertionFields(await assertion(house, key));
      const exchanged = await redeemWith(house, signedIn, await fields());
      const tokens = (await exchanged.json()) as { refresh_token: string };
      expect(exchanged.status).toBe(200);

      const renewing = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
      expect((await postForm(house.gatehouse, '/token', { ...renewing, client_id: clientUrl })).status).toBe(
        401,
      );
      const renewed = await postForm(house.gatehouse, '/token', { ...renewing, ...(await fields()) });
      const { refresh_token: token } = (await renewed.json()) as { refresh_token: string };
      expect(renewed.status).toBe(200);

      const revoke = async (credentials: Record<string, string>): Promise<number> =>
        (await postForm(house.gatehouse, '/revoke', { token, ...credentials })).status;
      expect(await revoke({ client_id: clientUrl })).toBe(401);
      expect(house.gatehouse.events.filter(({ type }) => type === 'grant_revoked')).toEqual([]);
      expect(await revoke(await fields())).toBe(200);
      expect(house.gatehouse.events).toContainEqual(expect.objectContaining({ type: 'grant_revoked' }));
    },
  );

  it('65: who signs its name is not enough: other credentials, or none, are refused', async () => {
    const house = await open();
    const signedIn = await obtainCode(house.gatehouse, { client });
    const reason = 'client_authentication_unsupported';
    await expectRefusal(house, signedIn, { client_id: clientUrl }, reason);
    await expectRefusal(house, signedIn, { client_id: clientUrl, client_secret: 'x' }, reason);
    const id = encodeURIComponent(clientUrl);
    const authorization = `Basic ${Buffer.from(`${id}:`).toString('base64')}`;
    expect((await redeemWith(house, signedIn, {}, { authorization })).status).toBe(401);
    const both = { ...assertionFields(await assertion(house)), client_secret: 'x' };
    expect((await redeemWith(house, signedIn, both)).status).toBe(400);
    await expectGood(house, signedIn);
  });

  it('65: an assertion counts once, on every replica and through every endpoint', async () => {
    const house = await open();
    const replica = await createTestGatehouse({
      network: house.hosts,
      clock: house.gatehouse.clock,
      store: { ...house.gatehouse.store, close: () => Promise.resolve() },
    });
    closers.unshift(() => replica.close());
    const signedIn = await obtainCode(house.gatehouse, { client });
    const fields = assertionFields(await assertion(house, es256, { claims: { jti: 'once' } }));
    expect((await redeemWith(house, signedIn, fields)).status).toBe(200);
    const next = await obtainCode(house.gatehouse, { client });
    house.gatehouse.events.length = 0;
    await expectRefusal(house, next, fields, 'client_assertion_replay');
    // Until it would be refused for its age.
    house.gatehouse.clock.advance(329);
    const again = await obtainCode(house.gatehouse, { client });
    house.gatehouse.events.length = 0;
    await expectRefusal(house, again, fields, 'client_assertion_replay');
    await expectRefusal({ ...house, gatehouse: replica }, again, fields, 'client_assertion_replay');
    expect((await postForm(replica, '/revoke', { token: 'x', ...fields })).status).toBe(401);
    house.gatehouse.clock.advance(1);
    await expectRefusal(house, again, fields, 'client_assertion_expired');
    // Another assertion that repeats its id is the same to us.
    const sameId = assertionFields(await assertion(house, es256, { claims: { jti: 'once' } }));
    expect((await redeemWith(house, again, sameId)).status).toBe(200);
  });

  it('65: what is wrong with an assertion does not use up its id', async () => {
    const house = await open();
    const signedIn = await obtainCode(house.gatehouse, { client });
    const claims = { jti: 'taken' };
    const stranger = await assertion(house, createClientKey('ES256', { kid: 'a' }), { claims });
    await expectRefusal(house, signedIn, assertionFields(stranger), 'client_authentication_failed');
    const good = assertionFields(await assertion(house, es256, { claims }));
    expect((await redeemWith(house, signedIn, good)).status).toBe(200);
  });

  it.each([
    ['no algorithm', 'none', () => ''],
    ['no algorithm in another case', 'nOnE', () => ''],
    ['its public key as a secret', 'HS256', (input: string) => hmac(publicPem(es256), input)],
    ['its JWK as a secret', 'HS256', (input: string) => hmac(JSON.stringify(es256.jwk), input)],
    ['an empty secret', 'HS256', (input: string) => hmac('', input)],
    ['an empty signature', 'ES256', () => ''],
    ['a signature of zeros', 'ES256', () => Buffer.alloc(64).toString('base64url')],
    ['a signature in DER', 'ES256', (input: string) => signDer(input)],
  ] as const)('65: an assertion with %s proves nothing', async (_what, alg, signer) => {
    const house = await open();
    const signedIn = await obtainCode(house.gatehouse, { client });
    const now = house.gatehouse.clock.nowSeconds();
    const claims = {
      iss: clientUrl,
      sub: clientUrl,
      aud: house.gatehouse.publicUrl,
      exp: now + 60,
      jti: 'j',
    };
    const forged = assertionFields(forgeAssertion({ alg, kid: 'a' }, claims, signer));
    const reason = alg === 'ES256' ? 'client_authentication_failed' : 'client_assertion_invalid';
    await expectRefusal(house, signedIn, forged, reason);
    await expectGood(house, signedIn);
  });

  it.each([
    ['another server', 'https://other.example', 'client_assertion_audience'],
    ['the token endpoint of another server', 'https://other.example/token', 'client_assertion_audience'],
    ['us with a slash', 'https://gatehouse.test/', 'client_assertion_audience'],
    ['the resource', 'https://gatehouse.test/mcp', 'client_assertion_audience'],
    [
      'us and another server',
      ['https://gatehouse.test', 'https://other.example'],
      'client_assertion_audience',
    ],
    ['us twice', ['https://gatehouse.test', 'https://gatehouse.test/token'], 'client_assertion_audience'],
    ['nobody', [], 'client_assertion_audience'],
  ] as const)('65: an assertion for %s is refused', async (_what, audience, reason) => {
    const house = await open();
    const signedIn = await obtainCode(house.gatehouse, { client });
    await expectRefusal(
      house,
      signedIn,
      assertionFields(await assertion(house, es256, { audience })),
      reason,
    );
    await expectGood(house, signedIn);
  });

  it.each(['https://gatehouse.test', 'https://gatehouse.test/token', ['https://gatehouse.test']])(
    'an assertion for %o is for us',
    async (audience) => {
      const house = await open();
      const signedIn = await obtainCode(house.gatehouse, { client });
      const fields = assertionFields(await assertion(house, es256, { audience }));
      expect((await redeemWith(house, signedIn, fields)).status).toBe(200);
    },
  );

  it.each([
    ['is over', { exp: -30, iat: -60 }, 'client_assertion_expired'],
    ['has no end', { exp: undefined }, 'client_assertion_expired'],
    ['ends in a word', { exp: 'never' }, 'client_assertion_expired'],
    ['is good for an hour', { exp: 3600 }, 'client_assertion_invalid'],
    ['is good for a little too long', { exp: 331, iat: 30 }, 'client_assertion_invalid'],
    [
      'was good for an hour, and almost is not any more',
      { iat: -3500, exp: 100 },
      'client_assertion_invalid',
    ],
    ['is from the future', { iat: 31, exp: 60 }, 'client_assertion_invalid'],
    ['is not good yet', { nbf: 31 }, 'client_assertion_invalid'],
    ['has no id', { jti: undefined }, 'client_assertion_invalid'],
    ['has an empty id', { jti: '' }, 'client_assertion_invalid'],
    ['has a number for an id', { jti: 7 }, 'client_assertion_invalid'],
    ['has an endless id', { jti: 'j'.repeat(257) }, 'client_assertion_invalid'],
    ['has another issuer', { iss: 'https://other.example/c' }, 'client_assertion_invalid'],
    ['has another subject', { sub: 'https://client.example/other' }, 'client_assertion_invalid'],
    ['has no issuer', { iss: undefined }, 'client_assertion_invalid'],
    ['has no subject', { sub: undefined }, 'client_assertion_invalid'],
  ] as const)('65: an assertion that %s is refused', async (_what, change, reason) => {
    const house = await open();
    const signedIn = await obtainCode(house.gatehouse, { client });
    const now = house.gatehouse.clock.nowSeconds();
    const claims = Object.fromEntries(
      Object.entries(change).map(([name, value]) => [
        name,
        typeof value === 'number' && name !== 'jti' ? now + value : value,
      ]),
    );
    const fields = { client_id: clientUrl, ...assertionFields(await assertion(house, es256, { claims })) };
    await expectRefusal(house, signedIn, fields, reason);
    await expectGood(house, signedIn);
  });

  it.each([
    ['the type of an access token', { typ: 'at+jwt' }, 'client_assertion_invalid'],
    ['the type of an authorization grant', { typ: 'oauth-id-jag+jwt' }, 'client_assertion_invalid'],
    ['the key of another client', { kid: 'b' }, 'client_authentication_failed'],
    ['a key id that is a list', { kid: ['a'] }, 'client_assertion_invalid'],
    ['a key id that is a path', { kid: '../../../dev/null' }, 'client_authentication_failed'],
    ['a header that must be understood', { crit: ['b'], b: 1 }, 'client_authentication_failed'],
  ] as const)('65: an assertion with %s is refused', async (_what, header, reason) => {
    const house = await open();
    const signedIn = await obtainCode(house.gatehouse, { client });
    const now = house.gatehouse.clock.nowSeconds();
    const claims = {
      iss: clientUrl,
      sub: clientUrl,
      aud: house.gatehouse.publicUrl,
      iat: now,
      exp: now + 60,
      jti: 'j',
    };
    const forged = forgeAssertion({ alg: 'ES256', kid: 'a', ...header }, claims, signRaw);
    await expectRefusal(house, signedIn, assertionFields(forged), reason);
    // The same, but for that.
    const good = forgeAssertion({ alg: 'ES256', kid: 'a' }, claims, signRaw);
    expect((await redeemWith(house, signedIn, assertionFields(good))).status).toBe(200);
  });

  it('65: a key in the token, or at an address that it names, is not looked at', async () => {
    const house = await open();
    const signedIn = await obtainCode(house.gatehouse, { client });
    const own = createClientKey('ES256', { kid: 'a' });
    for (const header of [
      { jwk: own.jwk },
      { jku: 'https://other.example/keys', kid: 'a' },
      { x5u: 'https://other.example/cert', kid: 'a' },
    ]) {
      const forged = await assertion(house, own, { header });
      await expectRefusal(house, signedIn, assertionFields(forged), 'client_authentication_failed');
    }
    expect(house.hosts.lookups).toEqual(['client.example']);
  });

  it('65: a key id leads to the key of that kind alone', async () => {
    const rsa = createClientKey('RS256', { kid: 'both', alg: 'RS256' });
    const ec = createClientKey('ES256', { kid: 'both' });
    const house = await open({ keys: [rsa, ec] });
    const signedIn = await obtainCode(house.gatehouse, { client });
    // The key is registered for RS256.
    const other = { ...rsa, algorithm: 'PS256' };
    const reason = 'client_authentication_failed';
    await expectRefusal(house, signedIn, assertionFields(await assertion(house, other)), reason);
    await expectGood(house, signedIn, ec);
    await expectGood(house, await obtainCode(house.gatehouse, { client }), rsa);
  });

  it('65: a client signs with the algorithm that its document names', async () => {
    const rsa = createClientKey('RS256');
    const house = await open({ keys: [rsa], members: { token_endpoint_auth_signing_alg: 'PS256' } });
    const signedIn = await obtainCode(house.gatehouse, { client });
    const reason = 'client_assertion_invalid';
    await expectRefusal(house, signedIn, assertionFields(await assertion(house, rsa)), reason);
    await expectGood(house, signedIn, { ...rsa, algorithm: 'PS256' });
  });

  it('65: nobody is told apart: an unknown client and a wrong key are one answer', async () => {
    const house = await open();
    const signedIn = await obtainCode(house.gatehouse, { client });
    const wrong = await assertion(house, createClientKey());
    const unknown = await assertion(house, es256, { clientId: 'nobody' });
    const answers = await Promise.all(
      [wrong, unknown, 'x', 'a.b.c'].map(async (text) => {
        const refused = await redeemWith(house, signedIn, assertionFields(text));
        const { error, error_description: description } = (await refused.json()) as Record<string, string>;
        return [refused.status, error, description];
      }),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  it('65: the store cannot vouch for what it may have forgotten', async () => {
    const house = await open();
    const { gatehouse } = house;
    const { store, clock } = gatehouse;
    let lostAt = 0;
    const forgetful = await createTestGatehouse({
      network: house.hosts,
      clock,
      store: { ...store, rememberedSince: () => Promise.resolve(lostAt), close: () => Promise.resolve() },
    });
    closers.unshift(() => forgetful.close());
    const signedIn = await obtainCode(forgetful, { client });
    const before = await assertion(house);
    lostAt = clock.nowSeconds();
    clock.advance(1);
    const refused = await redeemWith({ ...house, gatehouse: forgetful }, signedIn, assertionFields(before));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(forgetful.events.filter(({ type }) => type === 'tokens_issued')).toEqual([]);
    const after = await redeemWith(
      { ...house, gatehouse: forgetful },
      await obtainCode(forgetful, { client }),
      {
        ...assertionFields(await assertion(house)),
      },
    );
    expect(after.status).toBe(200);
  });

  it.each([
    ['no keys', {}],
    ['keys in two places', { jwks: { keys: [es256.jwk] }, jwks_uri: keysUrl }],
    ['an empty set', { jwks: { keys: [] } }],
    ['a set that is a list', { jwks: [es256.jwk] }],
    ['a weak key', { jwks: { keys: [{ ...weakRsa() }] } }],
    ['a key of another curve', { jwks: { keys: [createClientKey('ES384').jwk] } }],
    ['a key for encryption', { jwks: { keys: [{ ...es256.jwk, use: 'enc' }] } }],
    ['a key of another algorithm', { jwks: { keys: [{ ...es256.jwk, alg: 'ES384' }] } }],
    ['a point that is not on the curve', { jwks: { keys: [{ ...es256.jwk, x: es256.jwk['y'] }] } }],
    ['a private key', { jwks: { keys: [es256.jwk, { ...es256.jwk, d: 'x' }] } }],
    ['more keys than anybody needs', { jwks: { keys: Array(17).fill(es256.jwk) } }],
    ['a symmetric algorithm', { jwks: { keys: [es256.jwk] }, token_endpoint_auth_signing_alg: 'HS256' }],
    ['keys at another host', { jwks_uri: 'https://keys.client.example/keys' }],
    ['keys at another port', { jwks_uri: 'https://client.example:8443/keys' }],
    ['keys at a host that begins like its own', { jwks_uri: 'https://client.example.evil.example/keys' }],
    ['keys over plain http', { jwks_uri: 'http://client.example/keys' }],
    ['keys with a user', { jwks_uri: 'https://user@client.example/keys' }],
    ['keys in the address', { jwks_uri: 'data:application/json,{}' }],
    ['keys on this machine', { jwks_uri: 'https://127.0.0.1/keys' }],
    ['keys at a number', { jwks_uri: 7 }],
  ])('59: a document with %s is refused, and nothing else is fetched', async (_what, members) => {
    const { gatehouse, hosts } = await open();
    const document = { token_endpoint_auth_method: 'private_key_jwt', ...members };
    hosts.answer = answerJson(describeDocument(document));
    const page = await gatehouse.fetch(authorizeUrl(gatehouse, client));
    expect(page.status).toBe(400);
    expect(gatehouse.events.findLast(({ type }) => type === 'request_refused')).toMatchObject({
      reason: 'client_document_invalid',
    });
    expect(hosts.requests).toHaveLength(1);
    expect(hosts.lookups).toEqual(['client.example']);
  });
});

describe('keys at an address of the client (jwks_uri)', () => {
  it('are fetched when they are needed, once for many', async () => {
    const house = await open({ at: 'address' });
    const signedIn = await obtainCode(house.gatehouse, { client });
    expect(house.keyRequests()).toBe(0);
    await expectGood(house, signedIn);
    await expectGood(house, await obtainCode(house.gatehouse, { client }));
    expect(house.keyRequests()).toBe(1);
  });

  it('52, 53: of a host that points to this network meanwhile are not fetched', async () => {
    const house = await open({ at: 'address' });
    const signedIn = await obtainCode(house.gatehouse, { client });
    for (const address of ['127.0.0.1', '169.254.169.254', '::1', 'fd00:ec2::254', '::ffff:127.0.0.1']) {
      house.hosts.addressesOf = () => [address];
      const refused = await redeemWith(house, signedIn, assertionFields(await assertion(house)));
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
      house.gatehouse.clock.advance(10);
    }
    expect(house.keyRequests()).toBe(0);
    expect(house.hosts.dialled).toEqual([publicAddress]);
  });

  it.each([
    ['a redirect', redirect('https://client.example/other')],
    ['a redirect into this network', redirect('https://169.254.169.254/')],
    ['no set', answerJson({ kid: 'a' })],
    ['a private key', answerJson({ keys: [{ ...es256.jwk, d: 'x' }] })],
    ['a secret', answerJson({ keys: [{ kty: 'oct', k: 'eA', kid: 'a' }] })],
    ['a text', answerJson('keys')],
    ['a type that is not JSON', answerJson({ keys: [es256.jwk] }, { 'content-type': 'text/html' })],
    ['too much', answerJson(JSON.stringify({ keys: [es256.jwk] }).padEnd(10 * 1024 + 1))],
    ['nothing', answerJson({}, {}, 404)],
  ] as const)(
    '55, 58, 60: %s in place of them proves nobody, and is not asked for at once',
    async (_what, answer) => {
      const house = await open({ at: 'address' });
      house.answerKeys = answer;
      const signedIn = await obtainCode(house.gatehouse, { client });
      await expectRefusal(house, signedIn, assertionFields(await assertion(house)), 'client_keys_invalid');
      await expectRefusal(house, signedIn, assertionFields(await assertion(house)), 'client_keys_invalid');
      expect(house.keyRequests()).toBe(1);
      // And it is no cache of errors.
      house.answerKeys = undefined;
      house.gatehouse.clock.advance(10);
      await expectGood(house, signedIn);
    },
  );

  it('62: an assertion that is wrong in any other respect has nothing fetched for it', async () => {
    const house = await open({ at: 'address' });
    const signedIn = await obtainCode(house.gatehouse, { client });
    const elsewhere = { audience: 'https://other.example' };
    const fields = assertionFields(await assertion(house, es256, elsewhere));
    await expectRefusal(house, signedIn, fields, 'client_assertion_audience');
    expect(house.keyRequests()).toBe(0);
  });

  it('62: keys that are not among them have them read anew, once a minute', async () => {
    const house = await open({ at: 'address' });
    await expectGood(house, await obtainCode(house.gatehouse, { client }));
    const signedIn = await obtainCode(house.gatehouse, { client });
    house.gatehouse.events.length = 0;
    const next = createClientKey('ES256', { kid: 'next' });
    house.publish(es256, next);
    const reason = 'client_authentication_failed';
    await expectRefusal(house, signedIn, assertionFields(await assertion(house, next)), reason);
    expect(house.keyRequests()).toBe(1);
    house.gatehouse.clock.advance(60);
    await expectGood(house, await obtainCode(house.gatehouse, { client }), next);
    expect(house.keyRequests()).toBe(2);

    const other = await obtainCode(house.gatehouse, { client });
    house.gatehouse.events.length = 0;
    for (let index = 0; index < 20; index += 1) {
      const key = createClientKey('ES256', { kid: `unknown ${index}` });
      await expectRefusal(house, other, assertionFields(await assertion(house, key)), reason);
    }
    expect(house.keyRequests()).toBe(2);
  });

  it('62: a wrong signature under a key that is known has nothing fetched for it', async () => {
    const house = await open({ at: 'address' });
    await expectGood(house, await obtainCode(house.gatehouse, { client }));
    house.gatehouse.clock.advance(120);
    const signedIn = await obtainCode(house.gatehouse, { client });
    house.gatehouse.events.length = 0;
    const forged = await assertion(house, createClientKey('ES256', { kid: 'a' }));
    await expectRefusal(house, signedIn, assertionFields(forged), 'client_authentication_failed');
    expect(house.keyRequests()).toBe(1);
  });

  it.each(['document', 'address'] as const)(
    '61: a key that is gone from the %s is gone here within the hour',
    async (at) => {
      const house = await open({ at });
      const first = await obtainCode(house.gatehouse, { client });
      await expectGood(house, first);
      house.publish(createClientKey('ES256', { kid: 'b' }));
      const signedIn = await obtainCode(house.gatehouse, { client });
      house.gatehouse.clock.advance(3600);
      const again = await obtainCode(house.gatehouse, { client });
      house.gatehouse.events.length = 0;
      expect(again.code).not.toBe(signedIn.code);
      await expectRefusal(
        house,
        again,
        assertionFields(await assertion(house)),
        'client_authentication_failed',
      );
    },
  );

  it.each(['document', 'address'] as const)(
    'keys in the %s outlive a host that does not answer, for a day',
    async (at) => {
      const house = await open({ at });
      const signedIn = await obtainCode(house.gatehouse, { client });
      const exchanged = await redeemWith(house, signedIn, assertionFields(await assertion(house)));
      let { refresh_token: token } = (await exchanged.json()) as { refresh_token: string };
      house.hosts.addressesOf = () => [];
      const renew = async (): Promise<Response> =>
        postForm(house.gatehouse, '/token', {
          grant_type: 'refresh_token',
          refresh_token: token,
          ...assertionFields(await assertion(house)),
        });
      house.gatehouse.clock.advance(82_000);
      const renewed = await renew();
      expect(renewed.status).toBe(200);
      ({ refresh_token: token } = (await renewed.json()) as { refresh_token: string });
      house.gatehouse.clock.advance(5_000);
      expect((await renew()).status).toBe(503);
    },
  );
});

function hmac(secret: string, input: string): string {
  return createHmac('sha256', secret).update(input).digest('base64url');
}

function signRaw(input: string): string {
  const key = { key: es256.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  return sign('sha256', Buffer.from(input), key).toString('base64url');
}

function signDer(input: string): string {
  return sign('sha256', Buffer.from(input), es256.privateKey).toString('base64url');
}

/** 1024 bits, made once: nobody has its private half. */
function weakRsa(): Record<string, unknown> {
  return { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(128, 0xc5).toString('base64url') };
}

function redirect(location: string): MetadataHosts['answer'] {
  return (_request, response) => {
    response.writeHead(302, { location });
    response.end();
  };
}
