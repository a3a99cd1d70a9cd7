import { setTimeout } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import type { TokenAuthority } from '../../src/services/identity/foreign/token-authority.ts';
import { untilNow } from '../../src/services/tokens/cut-off.ts';
import { createRevocations } from '../../src/services/tokens/revocations.ts';
import { lanes } from '../support/attacked-house.ts';
import { authorizeUrl, registerClient } from '../support/flow.ts';
import { type ForeignHouse, hmacSecrets, startForeignHouse } from '../support/foreign-house.ts';
import { introspectionSecret, makeKey, signJwt } from '../support/identity/token-issuer.ts';
import { openRaw } from '../support/mount-client.ts';
import { reply } from '../support/recording-upstream.ts';

let house: ForeignHouse;

afterEach(async () => {
  expect(house.internalErrors()).toEqual([]);
  await house.close();
});

const keyFetches = (): number => house.issuer.requests.filter((line) => line === 'GET /keys').length;

async function statusOf(bearer: string): Promise<number> {
  return (await house.call(bearer)).status;
}

describe.each(lanes)('a JWT of another issuer, on the %s', (_lane, env) => {
  it('lets its person in, who is known upstream by its claims, and goes no further', async () => {
    house = await startForeignHouse({ env });
    const answer = await house.call(house.issuer.issue());

    expect(answer.status).toBe(200);
    const [request] = house.upstream.requests;
    expect(request?.header('x-user-sub')).toEqual(['alice']);
    expect(request?.header('x-user-email')).toEqual(['alice@example.com']);
    expect(request?.header('x-user-groups')).toEqual(['staff']);
    expect(request?.header('authorization')).toEqual([]);
  });

  it('is checked once, however often it comes', async () => {
    house = await startForeignHouse({ env });
    const token = house.issuer.issue();
    const statuses = await Promise.all(Array.from({ length: 10 }, () => statusOf(token)));

    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(house.issuer.requests).toEqual(['GET /.well-known/openid-configuration', 'GET /keys']);
  });

  it('waits with its body, which arrives whole', async () => {
    house = await startForeignHouse({ env });
    const body = JSON.stringify({ text: 'x'.repeat(300_000) });
    const answer = await house.call(house.issuer.issue(), { body });

    expect(answer.status).toBe(200);
    expect(house.upstream.requests[0]?.body()).toBe(body);
  });

  it('is over when it says so, remembered or not, with the skew that is allowed', async () => {
    house = await startForeignHouse({ env });
    const token = house.issuer.issue();
    expect(await statusOf(token)).toBe(200);
    house.clock.advance(3600 + 29);
    expect(await statusOf(token)).toBe(200);
    house.clock.advance(1);

    expect(await statusOf(token)).toBe(401);
    expect(house.events.at(-1)).toMatchObject({ reason: 'token_expired' });
    expect(house.upstream.requests).toHaveLength(2);
  });

  it('goes on while the issuer is away, and a new one for a day', async () => {
    house = await startForeignHouse({ env });
    const known = house.issuer.issue({ exp: house.clock.nowSeconds() + 1e6 });
    expect(await statusOf(known)).toBe(200);
    for (const path of ['/keys', '/.well-known/openid-configuration']) {
      house.issuer.answers.set(path, { status: 500, body: '' });
    }
    house.clock.advance(2 * 3600);

    expect(await statusOf(known)).toBe(200);
    expect(await statusOf(house.issuer.issue({ jti: 'new' }))).toBe(200);
    house.clock.advance(86_400);
    expect(await statusOf(known)).toBe(200);
    const answer = await house.call(house.issuer.issue({ jti: 'newer' }));
    expect(answer.status).toBe(503);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.headers['www-authenticate']).toBeUndefined();
    expect(await answer.json()).toMatchObject({ error: 'temporarily_unavailable' });
    expect(house.events.at(-1)).toMatchObject({ reason: 'token_issuer_unavailable', status: 503 });
    expect(house.upstream.requests).toHaveLength(4);
  });

  it('counts with a new key of its issuer, which is fetched when it is first met', async () => {
    house = await startForeignHouse({ env });
    const [first] = house.issuer.keys;
    expect(await statusOf(house.issuer.issue())).toBe(200);
    house.clock.advance(61);
    house.issuer.keys = [makeKey('second', 'RS256')];

    expect(await statusOf(house.issuer.issue())).toBe(200);
    expect(keyFetches()).toBe(2);
    // A key that is not published any more proves nothing new.
    house.issuer.keys = [first!];
    expect(await statusOf(house.issuer.issue())).toBe(401);
  });

  it('ends for a person whom the operator stopped, and counts again when it is newer than that', async () => {
    house = await startForeignHouse({ env });
    const token = house.issuer.issue();
    expect(await statusOf(token)).toBe(200);
    await stop('alice');

    for (let times = 0; times < 2; times += 1) {
      expect(await statusOf(token)).toBe(401);
      expect(house.events.at(-1)).toMatchObject({ reason: 'token_revoked' });
    }
    expect(await statusOf(house.issuer.issue({ jti: 'as old' }))).toBe(401);
    expect(await statusOf(house.issuer.issue({ sub: 'bob' }))).toBe(200);
    house.clock.advance(10);
    expect(await statusOf(house.issuer.issue({ jti: 'newer' }))).toBe(200);
  });

  it('is for who is in a group that may enter', async () => {
    house = await startForeignHouse({ env: { ...env, ALLOWED_GROUPS: 'admins' } });
    const answer = await house.call(house.issuer.issue());

    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ error: 'access_denied' });
    expect(house.events.at(-1)).toMatchObject({ reason: 'group' });
    expect(await statusOf(house.issuer.issue({ groups: ['admins'] }))).toBe(200);
    expect(house.upstream.requests).toHaveLength(1);
  });

  it('has the scopes that it names, and needs those of the mount', async () => {
    const declared = [{ name: 'notes:read', description: undefined, includes: [] }];
    const scopes = { declared, defaults: ['notes:read'], required: ['notes:read'] };
    house = await startForeignHouse({ env, mount: { scopes } });

    expect(await statusOf(house.issuer.issue())).toBe(200);
    expect(await statusOf(house.issuer.issue({ scope: undefined, scp: ['notes:read'] }))).toBe(200);
    const answer = await house.call(house.issuer.issue({ scope: 'notes:write' }));
    expect(answer.status).toBe(403);
    expect(answer.headers['www-authenticate']).toContain('error="insufficient_scope"');
  });

  it('of a client that acts for itself names no person', async () => {
    house = await startForeignHouse({ env });
    expect(await statusOf(house.issuer.issue({ sub: 'their-client', email: undefined }))).toBe(200);

    const [request] = house.upstream.requests;
    expect(request?.header('x-user-client')).toEqual(['their-client']);
    expect(request?.header('x-user-sub')).toEqual([]);
  });

  it('has an e-mail address only where somebody vouches for it', async () => {
    house = await startForeignHouse({ env });
    expect(await statusOf(house.issuer.issue({ email_verified: false }))).toBe(200);
    expect(await statusOf(house.issuer.issue({ email_verified: undefined }))).toBe(200);

    for (const request of house.upstream.requests) expect(request.header('x-user-email')).toEqual(['']);
  });

  it('vouches for no other claim by saying that `email` is verified', async () => {
    const change = (authority: TokenAuthority): TokenAuthority => ({
      ...authority,
      claims: { ...authority.claims, email: 'upn' },
    });
    house = await startForeignHouse({ env, change });
    expect(await statusOf(house.issuer.issue({ upn: 'ceo@example.com' }))).toBe(200);

    expect(house.upstream.requests[0]?.header('x-user-email')).toEqual(['']);
  });

  it('may say nothing of its type where the operator takes that', async () => {
    const change = (authority: object) => ({ ...authority, tokenType: 'any' }) as never;
    house = await startForeignHouse({ env, change });

    expect(await statusOf(house.issuer.issue({}, { typ: 'JWT' }))).toBe(200);
    expect(await statusOf(house.issuer.issue({}, { typ: undefined }))).toBe(200);
    expect(await statusOf(house.issuer.issue({}, { typ: 'logout+jwt' }))).toBe(401);
  });

  it('keeps sessions of the upstream to its person', async () => {
    house = await startForeignHouse({ env });
    house.upstream.answer = reply(200, { 'mcp-session-id': 'session-1' }, '{}');
    const opened = await house.call(house.issuer.issue());
    const session = String(opened.headers['mcp-session-id']);
    const headers = { 'mcp-session-id': session };

    expect((await house.call(house.issuer.issue({ jti: 'next' }), { headers })).status).toBe(200);
    expect((await house.call(house.issuer.issue({ sub: 'bob' }), { headers })).status).toBe(404);
  });
});

describe.each(lanes)('an opaque token of another issuer, on the %s', (_lane, env) => {
  async function start(answer: Readonly<Record<string, unknown>> = {}): Promise<void> {
    house = await startForeignHouse({ env, kind: 'introspection' });
    house.issuer.opaque.set('opaque-1', { active: true, ...house.issuer.claims(answer) });
  }

  it('lets in whom its issuer names, asked as who we are', async () => {
    await start();
    expect(await statusOf('opaque-1')).toBe(200);

    expect(house.upstream.requests[0]?.header('x-user-sub')).toEqual(['alice']);
    const [question] = house.issuer.questions;
    const [id, secret] = Buffer.from(question?.authorization?.slice(6) ?? '', 'base64')
      .toString()
      .split(':')
      .map((text) => decodeURIComponent(text.replaceAll('+', ' ')));
    expect([id, secret]).toEqual(['gatehouse', introspectionSecret]);
    expect(new URLSearchParams(question?.body).get('token')).toBe('opaque-1');
  });

  it('is asked about once while many calls come with it, and again when the answer is old', async () => {
    await start();
    await Promise.all(Array.from({ length: 10 }, () => statusOf('opaque-1')));
    house.clock.advance(59);
    expect(await statusOf('opaque-1')).toBe(200);
    expect(house.issuer.questions).toHaveLength(1);
    house.clock.advance(1);
    expect(await statusOf('opaque-1')).toBe(200);
    expect(house.issuer.questions).toHaveLength(2);
  });

  it('that was revoked there ends here within the time that answers count', async () => {
    await start();
    expect(await statusOf('opaque-1')).toBe(200);
    house.issuer.opaque.set('opaque-1', { active: false });
    house.clock.advance(60);

    const answer = await house.call('opaque-1');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(house.upstream.requests).toHaveLength(1);
  });

  it('that is not good is not asked about again at once', async () => {
    await start();
    for (let times = 0; times < 5; times += 1) expect(await statusOf('opaque-2')).toBe(401);
    expect(house.issuer.questions).toHaveLength(1);
    house.clock.advance(5);
    expect(await statusOf('opaque-2')).toBe(401);
    expect(house.issuer.questions).toHaveLength(2);
  });

  it('that nobody could have issued is not asked about', async () => {
    await start();
    for (const token of ['has blank', 'ümlaut', 'quote"', '={}', 'x'.repeat(8193)]) {
      expect(await statusOf(Buffer.from(token).toString('latin1'))).toBe(401);
    }
    expect(house.issuer.questions).toEqual([]);
  });

  it.each([
    ['no audience', { aud: undefined }, 'resource_mismatch'],
    ['another audience', { aud: 'https://else.test' }, 'resource_mismatch'],
    ['another issuer', { iss: 'https://else.test' }, 'token_issuer_foreign'],
    ['another type of token', { token_type: 'DPoP' }, 'token_bound'],
    ['a key that it is bound to', { cnf: { jkt: 'x' } }, 'token_bound'],
    ['an end that is over', { exp: 1 }, 'token_expired'],
    ['nobody', { sub: undefined }, 'token_claims_unusable'],
    ['no time of issue', { iat: undefined }, 'token_claims_unusable'],
  ])('is refused where the answer names %s', async (_what, claims, reason) => {
    await start(claims);
    expect(await statusOf('opaque-1')).toBe(401);
    expect(house.events.at(-1)).toMatchObject({ reason });
    expect(house.upstream.requests).toEqual([]);
  });

  it.each([
    ['500', { status: 500, body: '' }],
    ['that it does not know us', { status: 401, body: '{"error":"invalid_client"}' }],
    ['a redirect', { status: 302, body: '' }],
    ['a page', { status: 200, body: '{"active":true}', type: 'text/html' }],
    ['no JSON', { status: 200, body: '{"active":' }],
    ['`active` as text', { status: 200, body: '{"active":"true","sub":"alice"}' }],
    ['`active` as a number', { status: 200, body: '{"active":1,"sub":"alice"}' }],
    ['nothing of `active`', { status: 200, body: '{"sub":"alice"}' }],
    ['`active` twice', { status: 200, body: '{"active":false,"active":true}' }],
    ['too much', { status: 200, body: JSON.stringify({ active: true, x: 'x'.repeat(140_000) }) }],
  ])('is neither let in nor called bad when the issuer says %s', async (_what, answer) => {
    await start();
    house.issuer.answers.set('/introspect', answer);
    const refused = await house.call('opaque-1');

    expect(refused.status).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.headers['www-authenticate']).toBeUndefined();
    expect(house.upstream.requests).toEqual([]);
    // Not asked again at once; asked again soon.
    expect(await statusOf('opaque-1')).toBe(503);
    expect(house.issuer.questions).toHaveLength(1);
    house.issuer.answers.delete('/introspect');
    house.clock.advance(2);
    expect(await statusOf('opaque-1')).toBe(200);
  });

  it('whose client leaves before the answer costs the upstream nothing', async () => {
    await start();
    const held = Promise.withResolvers<void>();
    house.issuer.held = held.promise;
    const connection = openRaw(house.port);
    connection.socket.write(
      'POST /notes HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer opaque-1\r\nContent-Length: 2\r\n\r\n{}',
    );
    await until(() => house.issuer.questions.length === 1);
    connection.socket.destroy();
    await connection.closed;
    await until(() => house.logged().includes('499'));
    held.resolve();
    house.issuer.held = undefined;

    expect(await statusOf('opaque-1')).toBe(200);
    expect(house.upstream.requests).toHaveLength(1);
    expect(house.issuer.questions).toHaveLength(1);
  });

  it('waits with a body that arrives whole, however long that takes', async () => {
    await start();
    const held = Promise.withResolvers<void>();
    house.issuer.held = held.promise;
    const body = 'x'.repeat(900_000);
    const answer = house.call('opaque-1', { body });
    await until(() => house.issuer.questions.length === 1);
    await setTimeout(100);
    held.resolve();

    expect((await answer).status).toBe(200);
    expect(house.upstream.requests[0]?.body()).toBe(body);
  });

  it('is not asked about for an address that sends one bad token after the other', async () => {
    house = await startForeignHouse({
      env: { ...env, RATE_LIMIT_ENABLED: 'true' },
      kind: 'introspection',
    });
    for (const token of ['known', 'unknown']) {
      house.issuer.opaque.set(token, { active: true, ...house.issuer.claims() });
    }
    expect(await statusOf('known')).toBe(200);
    for (let batch = 0; batch < 60; batch += 1) {
      await Promise.all(Array.from({ length: 10 }, () => statusOf('bad')));
    }
    const asked = house.issuer.questions.length;

    expect(await statusOf('unknown')).toBe(429);
    expect(await statusOf('known')).toBe(200);
    expect(house.issuer.questions).toHaveLength(asked);
    house.clock.advance(61);
    expect(await statusOf('unknown')).toBe(200);
  });

  it('waits with a large body that stays where it is', async () => {
    await start();
    const held = Promise.withResolvers<void>();
    house.issuer.held = held.promise;
    const bytes = 30_000_000;
    const connection = openRaw(house.port);
    connection.socket.write(
      `POST /notes HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer opaque-1\r\nContent-Length: ${bytes}\r\n\r\n`,
    );
    connection.socket.write(Buffer.alloc(bytes, 'x'));
    await until(() => house.issuer.questions.length === 1);
    await setTimeout(300);

    expect(connection.socket.bytesWritten - connection.socket.writableLength).toBeLessThan(bytes);
    expect(connection.socket.writableLength).toBeGreaterThan(bytes / 2);
    held.resolve();
    house.issuer.held = undefined;
    await connection.until(/^HTTP\/1\.1 413 /);
    expect(house.upstream.requests).toEqual([]);
    connection.socket.destroy();
  });

  it('waits among so many others, and no more', async () => {
    await start();
    const held = Promise.withResolvers<void>();
    house.issuer.held = held.promise;
    const waiting = Array.from({ length: 64 }, (_, at) => statusOf(`waiting-${at}`));
    await until(() => house.issuer.questions.length === 64);
    const answer = await house.call('opaque-1');

    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(house.events.at(-1)).toMatchObject({ reason: 'token_checks_exceeded' });
    held.resolve();
    house.issuer.held = undefined;
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([401]));
    expect(await statusOf('opaque-1')).toBe(200);
  });

  it('that ends its stream soon after it was revoked there', async () => {
    await start();
    house.upstream.answer = (_request, socket) => {
      socket.write(
        'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n3\r\n\n\n\n\r\n',
      );
    };
    const stream = await house.call('opaque-1', {
      method: 'GET',
      body: undefined as never,
      headers: { accept: 'text/event-stream' },
    });
    expect(stream.status).toBe(200);
    house.clock.advance(61);
    await stop('somebody else');
    await until(() => house.issuer.questions.length === 2);
    house.issuer.opaque.set('opaque-1', { active: false });
    house.clock.advance(61);
    await stop('somebody');
    await until(() => house.issuer.questions.length === 3);
    await setTimeout(50);
    await stop('nobody');
    await stream.text();
  });
});

describe('a JWT under a shared secret', () => {
  const sign = (secret: string): string =>
    signJwt({ typ: 'at+jwt', alg: 'HS256' }, house.issuer.claims(), secret);

  it('counts with each of two secrets, and nobody is asked', async () => {
    const change = (authority: object) => ({ ...authority, secrets: hmacSecrets }) as never;
    house = await startForeignHouse({ kind: 'hmac', change });

    expect(await statusOf(sign(hmacSecrets[0]))).toBe(200);
    expect(await statusOf(sign(hmacSecrets[1]))).toBe(200);
    expect(house.issuer.requests).toEqual([]);
  });
});

describe('a mount that accepts tokens of another issuer', () => {
  it('takes another secret without a restart, and forgets what the old one was good for', async () => {
    house = await startForeignHouse({ kind: 'hmac' });
    const sign = (secret: string): string =>
      signJwt({ typ: 'at+jwt', alg: 'HS256' }, house.issuer.claims(), secret);
    const [first, second] = hmacSecrets.map(sign);
    expect(await statusOf(first!)).toBe(200);
    const goOver = async (secrets: readonly string[]): Promise<void> => {
      const [own, notes] = house.config.mounts;
      const accepts = { ...notes!.accepts, secrets } as TokenAuthority;
      await house.gateway.reload({ ...house.config, mounts: [own, { ...notes!, accepts }] });
    };

    await goOver(hmacSecrets);
    expect([await statusOf(first!), await statusOf(second!)]).toEqual([200, 200]);
    await goOver([hmacSecrets[1]]);
    expect([await statusOf(first!), await statusOf(second!)]).toEqual([401, 200]);
  });

  it('names that issuer in its metadata, and ours does not name it', async () => {
    house = await startForeignHouse();
    const challenged = await house.call(null);
    expect(challenged.status).toBe(401);
    const metadata = await house.fetch('/.well-known/oauth-protected-resource/notes');
    expect(await metadata.json()).toMatchObject({
      resource: 'https://gatehouse.test/notes',
      authorization_servers: [house.issuer.issuer],
    });
    const own = await house.fetch('/.well-known/oauth-protected-resource/own');
    expect(await own.json()).toMatchObject({ authorization_servers: ['https://gatehouse.test'] });
  });

  it('is none that tokens are issued for here', async () => {
    house = await startForeignHouse();
    const asking = { ...house, resource: 'https://gatehouse.test/notes' };
    const client = await registerClient(asking);
    const answer = await house.fetch(authorizeUrl(asking, client));

    expect(answer.headers.get('location')).toContain('error=invalid_target');
  });
});

/** As `gatehouse grants revoke --subject` does, at another process. */
async function stop(subject: string): Promise<void> {
  const operator = createRevocations({ store: house.store, clock: house.clock, onError: () => undefined });
  const key = `${house.issuer.issuer} ${subject}`;
  await operator.cutOff({ kind: 'subject', key, before: untilNow(house.clock.nowSeconds()) });
  operator.close();
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setTimeout(5);
}
