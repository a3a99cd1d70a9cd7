import { createHmac, createPublicKey, type KeyObject } from 'node:crypto';

import { afterEach, describe, expect, it } from 'vitest';

import { lanes } from '../support/attacked-house.ts';
import { signIn } from '../support/flow.ts';
import { type ForeignHouse, hmacSecrets, startForeignHouse } from '../support/foreign-house.ts';
import { audience, makeKey, signJwt, type TokenIssuer } from '../support/identity/token-issuer.ts';
import type { CallAnswer } from '../support/mount-client.ts';

let house: ForeignHouse;

afterEach(async () => {
  expect(house.internalErrors()).toEqual([]);
  await house.close();
});

async function expectRefused(answer: CallAnswer, reason = 'invalid_token'): Promise<void> {
  expect(answer.status).toBe(401);
  const challenge = answer.headers['www-authenticate'];
  expect(challenge).toContain('error="invalid_token"');
  expect(challenge).toContain(
    'resource_metadata="https://gatehouse.test/.well-known/oauth-protected-resource/notes"',
  );
  expect(await answer.json()).toMatchObject({ error: 'invalid_token' });
  expect(house.events.at(-1)).toMatchObject({ type: 'request_refused', reason, status: 401 });
  expect(house.upstream.requests).toEqual([]);
}

/** What the log calls it. Strangers hear one and the same. */
function reasonOf(name: string): string {
  if (/issuer that differs|an issuer in a list|no issuer|(?:^of|by) another issuer/.test(name)) {
    return 'token_issuer_foreign';
  }
  if (/ID token by its type|no type|logout token|another type of token/.test(name))
    return 'token_type_refused';
  return name === 'that is bound to a key' ? 'token_bound' : 'invalid_token';
}

const strangersKey = makeKey('first');

/** What the issuer never signed, or did not sign as this. */
const forgeries: Readonly<Record<string, (issuer: TokenIssuer) => string>> = {
  'without a signature, `alg` none': (issuer) =>
    `${part({ typ: 'at+jwt', alg: 'none' })}.${part(issuer.claims())}.`,
  'without a signature, `alg` none and something in its place': (issuer) =>
    `${part({ typ: 'at+jwt', alg: 'none' })}.${part(issuer.claims())}.AAAA`,
  'with `alg` None in another case': (issuer) =>
    `${part({ typ: 'at+jwt', alg: 'nOnE' })}.${part(issuer.claims())}.AAAA`,
  'signed as HS256 with the public key as a JWK': (issuer) =>
    signJwt(header({ alg: 'HS256' }), issuer.claims(), JSON.stringify(issuer.keys[0]?.jwk)),
  'signed as HS256 with the public key as PEM': (issuer) =>
    signJwt(header({ alg: 'HS256' }), issuer.claims(), pem(issuer)),
  'signed as HS256 with nothing': (issuer) => signJwt(header({ alg: 'HS256' }), issuer.claims(), ''),
  'signed by a stranger under the name of the key': (issuer) =>
    signJwt(header(), issuer.claims(), strangersKey.privateKey),
  'signed by a stranger who brings the key along': (issuer) =>
    signJwt(header({ jwk: strangersKey.jwk }), issuer.claims(), strangersKey.privateKey),
  'signed by a stranger who brings the key along, and names none': (issuer) =>
    signJwt(header({ jwk: strangersKey.jwk, kid: undefined }), issuer.claims(), strangersKey.privateKey),
  'that says where its key is (`jku`)': (issuer) =>
    signJwt(header({ jku: `${issuer.origin}/evil`, kid: 'evil' }), issuer.claims(), strangersKey.privateKey),
  'that says where its certificate is (`x5u`)': (issuer) =>
    signJwt(header({ x5u: `${issuer.origin}/evil` }), issuer.claims(), strangersKey.privateKey),
  'that brings a certificate along (`x5c`)': (issuer) =>
    signJwt(header({ x5c: ['MIIB'] }), issuer.claims(), strangersKey.privateKey),
  'with a path as the name of its key': (issuer) =>
    signJwt(header({ kid: '../../../../dev/null' }), issuer.claims(), strangersKey.privateKey),
  'with an address as the name of its key': (issuer) =>
    signJwt(header({ kid: `${issuer.origin}/evil` }), issuer.claims(), strangersKey.privateKey),
  'with a name of its key that is no text': (issuer) =>
    signJwt(header({ kid: { toString: 'first' } }), issuer.claims(), key(issuer)),
  'with a very long name of its key': (issuer) =>
    signJwt(header({ kid: 'x'.repeat(600) }), issuer.claims(), key(issuer)),
  'with a zero signature (ES256)': (issuer) =>
    issuer.issue().replace(/[^.]*$/, Buffer.alloc(64).toString('base64url')),
  'with an empty signature': (issuer) => issuer.issue().replace(/[^.]*$/, ''),
  'with half a signature': (issuer) => issuer.issue().slice(0, -43),
  'with a signature in DER': (issuer) =>
    issuer.issue().replace(/[^.]*$/, Buffer.alloc(70, 0x30).toString('base64url')),
  'with other claims under the signature': (issuer) => {
    const [head, , signature] = issuer.issue().split('.');
    return `${head}.${part(issuer.claims({ sub: 'admin' }))}.${signature}`;
  },
  'with another header over the signature': (issuer) => {
    const [, claims, signature] = issuer.issue().split('.');
    return `${part(header({ cty: 'x' }))}.${claims}.${signature}`;
  },
  'with four parts': (issuer) => `${issuer.issue()}.AAAA`,
  'with two parts': (issuer) => issuer.issue().replace(/\.[^.]*$/, ''),
  'that ends in padding': (issuer) => `${issuer.issue()}==`,
  'with a blank in it': (issuer) => issuer.issue().replace('.', ' .'),
  'that is encrypted (five parts)': () =>
    `${part({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}..AAAA.AAAA.AAAA`,
  'that is very long': (issuer) => issuer.issue({ extra: 'x'.repeat(6_000) }),
  'that is no JSON inside': (issuer) => signJwt('{', issuer.claims(), key(issuer)),
};

/** What the issuer did sign, and is not meant for here, or not as an access token. */
const misuses: Readonly<Record<string, (issuer: TokenIssuer) => string>> = {
  'of another issuer': (issuer) => issuer.issue({ iss: 'https://other.test' }),
  'of an issuer that differs by a slash': (issuer) => issuer.issue({ iss: `${issuer.issuer}/` }),
  'of an issuer in a list': (issuer) => issuer.issue({ iss: [issuer.issuer] }),
  'of no issuer': (issuer) => issuer.issue({ iss: undefined }),
  'that is an ID token by its type': (issuer) => issuer.issue({}, { typ: 'JWT' }),
  'that has no type': (issuer) => issuer.issue({}, { typ: undefined }),
  'that is a logout token': (issuer) => issuer.issue({}, { typ: 'logout+jwt' }),
  'with a critical header': (issuer) => issuer.issue({}, { crit: ['exp'], exp: 1 }),
  'with an unencoded payload by a critical header': (issuer) =>
    issuer.issue({}, { crit: ['b64'], b64: false }),
  'with an empty list of critical headers': (issuer) => issuer.issue({}, { crit: [] }),
  'that is good only later': (issuer) => issuer.issue({ nbf: now() + 120 }),
  'that was issued in the future': (issuer) => issuer.issue({ iat: now() + 120 }),
  'that is bound to a key': (issuer) => issuer.issue({ cnf: { jkt: 'thumbprint' } }),
  'with a member twice in its header': (issuer) =>
    signJwt(`{"typ":"at+jwt","alg":"ES256","kid":"first","kid":"first"}`, issuer.claims(), key(issuer)),
  'with a member twice among its claims': (issuer) =>
    signJwt(
      header(),
      JSON.stringify(issuer.claims()).replace('"sub":"alice"', '"sub":"alice","sub":"admin"'),
      key(issuer),
    ),
  'with a member twice, once escaped': (issuer) =>
    signJwt(
      header(),
      JSON.stringify(issuer.claims()).replace('"sub":"alice"', String.raw`"sub":"alice","s\u0075b":"admin"`),
      key(issuer),
    ),
  'with claims that are a list': (issuer) => signJwt(header(), '[]', key(issuer)),
};

const wrongAudiences: Readonly<Record<string, unknown>> = {
  'another resource': 'https://gatehouse.test/own',
  'the mount with a slash': `${audience}/`,
  'what is above the mount': 'https://gatehouse.test',
  'what is below the mount': `${audience}/admin`,
  'the mount in another case': audience.toUpperCase(),
  'several, none of them the mount': ['https://a.test', 'https://b.test'],
  'a list with something that is no text': [audience, 1],
  'the client': 'their-client',
  nobody: undefined,
  'an object': { [audience]: true },
};

describe.each(lanes)('a token that another issuer did not give for here, on the %s', (_lane, env) => {
  it.each(Object.keys(forgeries))('139: is refused: one %s', async (name) => {
    house = await startForeignHouse({ env });
    await expectRefused(await house.call(forgeries[name]?.(house.issuer) ?? ''));
    expect(house.issuer.requests).not.toContain('GET /evil');
    // The next one is good, and is served.
    expect((await house.call(house.issuer.issue())).status).toBe(200);
  });

  it.each(Object.keys(misuses))('139: is refused: one %s', async (name) => {
    house = await startForeignHouse({ env });
    await expectRefused(await house.call(misuses[name]?.(house.issuer) ?? ''), reasonOf(name));
  });

  it.each(Object.keys(wrongAudiences))('144: is refused when it is for %s', async (name) => {
    house = await startForeignHouse({ env });
    const token = house.issuer.issue({ aud: wrongAudiences[name] });
    await expectRefused(await house.call(token), 'resource_mismatch');
  });

  it.each([
    ['over', { exp: -31 }, 'token_expired'],
    ['over since it began', { exp: -7200 }, 'token_expired'],
  ])('119: is refused when it is %s', async (_name, { exp }, reason) => {
    house = await startForeignHouse({ env });
    await expectRefused(await house.call(house.issuer.issue({ exp: now() + exp })), reason);
  });

  it.each([
    ['exp', '9999999999'],
    ['exp', undefined],
    ['exp', null],
    ['exp', -1],
    ['exp', 1e300],
    ['iat', undefined],
    ['iat', '1'],
    ['nbf', '1'],
    ['sub', undefined],
    ['sub', 7],
    ['sub', 'two\r\nlines'],
    ['groups', ['staff,admins']],
    ['groups', { staff: true }],
  ])('119: is refused when its %s is %j', async (claim, value) => {
    house = await startForeignHouse({ env });
    await expectRefused(await house.call(house.issuer.issue({ [claim]: value })), 'token_claims_unusable');
  });

  it('144: is refused when it is one of ours', async () => {
    house = await startForeignHouse({ env });
    const { accessToken } = await signIn({ ...house, resource: 'https://gatehouse.test/own' });
    const own = await house.call(accessToken, { target: '/own' });
    expect(own.status).toBe(200);
    const refused = await house.call(accessToken);
    expect(refused.status).toBe(401);
    expect(house.upstream.requests).toHaveLength(1);
  });

  it('144: is refused at a mount that takes ours', async () => {
    house = await startForeignHouse({ env });
    const refused = await house.call(house.issuer.issue(), { target: '/own' });
    expect(refused.status).toBe(401);
    expect(house.upstream.requests).toEqual([]);
  });

  it('299: tells a stranger nothing of what its issuer is called, or what types it has', async () => {
    house = await startForeignHouse({ env });
    const unsigned = [
      signJwt(header(), house.issuer.claims(), strangersKey.privateKey),
      signJwt(header({ typ: 'JWT' }), house.issuer.claims(), strangersKey.privateKey),
      signJwt(header(), house.issuer.claims({ iss: 'https://guess.test' }), strangersKey.privateKey),
      signJwt(header({ alg: 'none' }), house.issuer.claims(), strangersKey.privateKey),
      'nonsense',
    ];
    const heard = new Set<string>();
    for (const token of unsigned) {
      const answer = await house.call(token);
      heard.add(`${answer.status} ${String(answer.headers['www-authenticate'])} ${await answer.text()}`);
    }

    expect(heard.size).toBe(1);
  });

  it('299: counts as a stranger’s, whatever is wrong with it before its signature', async () => {
    house = await startForeignHouse({ env: { ...env, RATE_LIMIT_ENABLED: 'true' } });
    const unsigned = [{ typ: 'JWT' }, {}].map((head, index) =>
      signJwt(
        header(head),
        house.issuer.claims(index === 0 ? {} : { iss: 'https://guess.test' }),
        strangersKey.privateKey,
      ),
    );
    const known = house.issuer.issue({ jti: 'before' });
    expect((await house.call(known)).status).toBe(200);
    for (let batch = 0; batch < 60; batch += 1) {
      await Promise.all(unsigned.flatMap((token) => Array.from({ length: 5 }, () => house.call(token))));
    }

    // What nobody knows yet is not looked at any more; what is known goes on.
    expect((await house.call(house.issuer.issue({ jti: 'after' }))).status).toBe(429);
    expect((await house.call(known)).status).toBe(200);
  });

  it('139: is refused when another comes with it', async () => {
    house = await startForeignHouse({ env });
    const [one, other] = [house.issuer.issue({ jti: 'a' }), house.issuer.issue({ jti: 'b' })];
    const headers = { authorization: [`Bearer ${one}`, `Bearer ${other}`] };
    await expectRefused(await house.call(null, { headers }));
  });

  it('146: is not told to the upstream, the log, or whoever hears of refusals', async () => {
    house = await startForeignHouse({ env });
    const good = house.issuer.issue();
    const bad = house.issuer.issue({ aud: 'https://else.test' });
    await house.call(good);
    await house.call(bad);
    const [request] = house.upstream.requests;
    for (const token of [good, bad]) {
      const signature = token.slice(-40);
      expect(JSON.stringify(request?.headerLines)).not.toContain(signature);
      expect(house.logged()).not.toContain(signature);
      expect(JSON.stringify(house.events)).not.toContain(signature);
    }
  });
});

describe.each(lanes)('a token under a shared secret, on the %s', (_lane, env) => {
  const sign = (issuer: TokenIssuer, secret: string, head = {}, claims = {}): string =>
    signJwt({ typ: 'at+jwt', alg: 'HS256', ...head }, issuer.claims(claims), secret);

  /** What another name for the algorithm says does not change what is computed. */
  const withHash = (alg: string, issuer: TokenIssuer): string => {
    const signed = `${part(header({ alg }))}.${part(issuer.claims())}`;
    return `${signed}.${createHmac('sha256', hmacSecrets[0]).update(signed).digest('base64url')}`;
  };

  const bad: Readonly<Record<string, (issuer: TokenIssuer) => string>> = {
    'another secret': (issuer) => sign(issuer, hmacSecrets[1]),
    'no secret': (issuer) => sign(issuer, ''),
    'a longer hash than is agreed': (issuer) => sign(issuer, hmacSecrets[0], { alg: 'HS512' }),
    'a longer hash under the agreed name': (issuer) =>
      sign(issuer, hmacSecrets[0], { alg: 'HS512' }).replace(/^[^.]*/, part(header({ alg: 'HS256' }))),
    'the agreed hash under the name of another': (issuer) => withHash('HS512', issuer),
    'the agreed hash under `none`': (issuer) => withHash('none', issuer),
    'the secret, by another issuer': (issuer) =>
      sign(issuer, hmacSecrets[0], {}, { iss: 'https://other.test' }),
    'the secret, as another type of token': (issuer) => sign(issuer, hmacSecrets[0], { typ: 'JWT' }),
    'the secret, with a critical header': (issuer) => sign(issuer, hmacSecrets[0], { crit: ['exp'] }),
    'half of its hash': (issuer) => sign(issuer, hmacSecrets[0]).slice(0, -22),
    'the key of an issuer that publishes it': (issuer) => issuer.issue(),
    'no algorithm': (issuer) => `${part(header({ alg: 'none' }))}.${part(issuer.claims())}.AAAA`,
  };

  it.each(Object.keys(bad))('122: is refused: signed with %s', async (name) => {
    house = await startForeignHouse({ env, kind: 'hmac' });
    await expectRefused(await house.call(bad[name]?.(house.issuer) ?? ''), reasonOf(name));
    expect((await house.call(sign(house.issuer, hmacSecrets[0]))).status).toBe(200);
    expect(house.issuer.requests).toEqual([]);
  });

  it('144: is refused for another audience', async () => {
    house = await startForeignHouse({ env, kind: 'hmac' });
    const token = sign(house.issuer, hmacSecrets[0], {}, { aud: 'https://else.test' });
    await expectRefused(await house.call(token), 'resource_mismatch');
  });
});

describe('the keys of another issuer', () => {
  it('122: are good for the algorithms of the configuration alone', async () => {
    const change = (authority: object) => ({ ...authority, algorithms: ['ES256'] }) as never;
    house = await startForeignHouse({ change });
    house.issuer.keys = [makeKey('rsa', 'RS256'), ...house.issuer.keys];
    await expectRefused(await house.call(house.issuer.issue()));
    const [, second] = house.issuer.keys;
    house.issuer.keys = [second!];
    expect((await house.call(house.issuer.issue())).status).toBe(200);
  });

  it('127: are not fetched for each forged name of a key', async () => {
    house = await startForeignHouse();
    for (let at = 0; at < 50; at += 1) {
      const token = house.issuer.issue({}, { kid: `forged-${at}` });
      await expectRefused(await house.call(token));
    }
    expect(house.issuer.requests.filter((line) => line === 'GET /keys')).toHaveLength(1);
  });

  it('126: are told apart by algorithm where two have one name', async () => {
    house = await startForeignHouse();
    const rsa = makeKey('first', 'RS256');
    house.issuer.keys = [rsa, ...house.issuer.keys];
    expect((await house.call(house.issuer.issue())).status).toBe(200);
    const [, ec] = house.issuer.keys;
    house.issuer.keys = [ec!, rsa];
    expect((await house.call(house.issuer.issue())).status).toBe(200);
  });

  it('128: are not taken from where a document of another issuer says', async () => {
    house = await startForeignHouse();
    house.issuer.answers.set('/.well-known/openid-configuration', {
      status: 200,
      body: JSON.stringify({ issuer: 'https://other.test', jwks_uri: `${house.issuer.origin}/keys` }),
    });
    const answer = await house.call(house.issuer.issue());
    expect(answer.status).toBe(503);
    expect(house.issuer.requests).not.toContain('GET /keys');
    expect(house.upstream.requests).toEqual([]);
  });

  it('126: are none when a private one is among them', async () => {
    house = await startForeignHouse();
    const [first] = house.issuer.keys;
    const leaked = first?.privateKey.export({ format: 'jwk' });
    house.issuer.answers.set('/keys', {
      status: 200,
      body: JSON.stringify({ keys: [{ ...leaked, kid: 'first' }] }),
    });
    expect((await house.call(house.issuer.issue())).status).toBe(503);
    expect(house.upstream.requests).toEqual([]);
  });
});

function now(): number {
  return house.clock.nowSeconds();
}

function header(changes: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { typ: 'at+jwt', alg: 'ES256', kid: 'first', ...changes };
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function key(issuer: TokenIssuer): KeyObject {
  return issuer.keys[0]?.privateKey ?? strangersKey.privateKey;
}

function pem({ keys: [first = strangersKey] }: TokenIssuer): string {
  return createPublicKey(first.privateKey).export({ format: 'pem', type: 'spki' }).toString();
}
