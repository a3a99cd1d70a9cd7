import { afterEach, describe, expect, it } from 'vitest';

import type { TokenAuthority } from '../../src/services/identity/foreign/token-authority.ts';
import { type EntryRules, everybody } from '../../src/services/entry/entry-rules.ts';
import type { PolicyRules } from '../../src/services/policy/rule.ts';
import { lanes } from '../support/attacked-house.ts';
import { type ForeignHouse, type ForeignHouseOptions, startForeignHouse } from '../support/foreign-house.ts';
import { makeKey } from '../support/identity/token-issuer.ts';
import { policyRule } from '../support/policy-rules.ts';
import { reply } from '../support/recording-upstream.ts';

let house: ForeignHouse;

afterEach(async () => {
  expect(house.internalErrors()).toEqual([]);
  await house.close();
});

const kinds = ['jwt', 'hmac', 'introspection'] as const satisfies ReadonlyArray<TokenAuthority['kind']>;

const everywhere = lanes.flatMap(([lane, env]) => kinds.map((kind) => [kind, lane, env] as const));

type Claims = Readonly<Record<string, unknown>>;

/** Status and reason of a call with a token of these claims. */
async function callAs(claims: Claims, body = '{}'): Promise<string> {
  const { status } = await house.call(house.issue(claims), { body });
  const refusal = house.events.at(-1);
  return status === 200
    ? '200'
    : `${status} ${refusal?.type === 'request_refused' ? refusal.reason : 'of somebody else'}`;
}

describe.each(everywhere)('the token of another issuer by %s, on the %s', (kind, _lane, env) => {
  const start = async (mount: ForeignHouseOptions['mount']): Promise<void> => {
    house = await startForeignHouse({ kind, env, mount: mount ?? {} });
  };
  const entering = (rules: Partial<EntryRules>): Promise<void> =>
    start({ entry: { rules: { ...everybody, ...rules }, contact: undefined } });

  it('is held to entry rules by its groups', async () => {
    await entering({ groups: { any: ['staff', 'ops'], all: ['trained'], none: ['leaving'] } });

    expect(await callAs({ groups: ['staff', 'trained'] })).toBe('200');
    expect(await callAs({ groups: ['ops', 'staff', 'trained'] })).toBe('200');
    for (const groups of [
      ['trained'],
      ['staff'],
      ['staff', 'trained', 'leaving'],
      [],
      undefined,
      ['Staff', 'trained'],
    ]) {
      expect(await callAs({ groups }), String(groups)).toBe('403 group');
    }
    expect(house.upstream.requests).toHaveLength(2);
  });

  it('is held to entry rules by its subject and address', async () => {
    await entering({
      subjects: { allow: [], deny: [{ issuer: undefined, subject: 'mallory' }] },
      domains: { allow: ['example.com'], deny: [] },
    });

    expect(await callAs({})).toBe('200');
    expect(await callAs({ sub: 'mallory' })).toBe('403 entry_subject');
    expect(await callAs({ email: 'alice@example.org' })).toBe('403 entry_domain');
    expect(await callAs({ email_verified: false })).toBe('403 entry_domain');
  });

  it('is held to entry rules by how its person logged in', async () => {
    await entering({ acr: ['gold', 'silver'], amr: ['pwd', 'otp'], maxAuthenticationAgeSeconds: 600 });
    const now = house.clock.nowSeconds();
    const login = { acr: 'gold', amr: ['otp', 'pwd'], auth_time: now - 60 };

    expect(await callAs(login)).toBe('200');
    for (const acr of ['bronze', undefined, ['gold'], '']) {
      expect(await callAs({ ...login, acr })).toBe('401 entry_acr');
    }
    for (const amr of [['pwd'], undefined, 'pwd otp', []]) {
      expect(await callAs({ ...login, amr })).toBe('401 entry_amr');
    }
    for (const at of [now - 3600, undefined, `${now}`, now + 3600, -1]) {
      expect(await callAs({ ...login, auth_time: at }), String(at)).toBe('401 entry_age');
    }
    expect(house.upstream.requests).toHaveLength(1);
  });

  it('is too old a login some time later, known or not', async () => {
    await entering({ maxAuthenticationAgeSeconds: 600 });
    const token = house.issue({ auth_time: house.clock.nowSeconds() });
    expect((await house.call(token)).status).toBe(200);
    house.clock.advance(700);

    const answer = await house.call(token);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(house.events.at(-1)).toMatchObject({ reason: 'entry_age' });
  });

  it('is held to the policy by group, subject and scope', async () => {
    const policy: PolicyRules = {
      otherwise: 'deny',
      rules: [
        policyRule({ name: 'reads', what: { tools: ['read_*'] }, to: [{ groups: ['staff'] }] }),
        policyRule({ name: 'writes', what: { tools: ['write_*'] }, scopes: ['notes:write'] }),
        policyRule({
          name: 'admin',
          what: { tools: ['delete_all'] },
          to: [{ subjects: [{ issuer: undefined, subject: 'root' }] }],
        }),
      ],
    };
    const names = ['notes:read', 'notes:write'];
    const declared = names.map((name) => ({ name, description: undefined, includes: [] }));
    await start({ policy, scopes: { declared, defaults: [], required: [] } });
    const tool = (name: string): string =>
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } });

    expect(await callAs({}, tool('read_note'))).toBe('200');
    expect(await callAs({ groups: [] }, tool('read_note'))).toMatch(/^\d{3} policy_denied/);
    expect(await callAs({ scope: 'notes:read notes:write' }, tool('write_note'))).toBe('200');
    expect(await callAs({ scope: 'notes:read' }, tool('write_note'))).toMatch(/scope_insufficient$/);
    expect(await callAs({ sub: 'root' }, tool('delete_all'))).toBe('200');
    expect(await callAs({ sub: 'alice' }, tool('delete_all'))).toMatch(/policy_denied$/);
    expect(house.upstream.requests).toHaveLength(3);
  });

  it('keeps sessions to its person and client', async () => {
    await start({});
    house.upstream.answer = reply(200, { 'mcp-session-id': 'session-1' }, '{}');
    const opened = await house.call(house.issue());
    const headers = { 'mcp-session-id': String(opened.headers['mcp-session-id']) };
    const statusWith = async (claims: Claims): Promise<number> =>
      (await house.call(house.issue(claims), { headers })).status;

    expect(await statusWith({ jti: 'another token' })).toBe(200);
    expect(await statusWith({ sub: 'bob' })).toBe(404);
    expect(await statusWith({ client_id: 'another-client' })).toBe(404);
    expect(house.upstream.requests).toHaveLength(2);
  });

  it('is of its time, give or take what clocks may differ by', async () => {
    await start({});
    const now = house.clock.nowSeconds();

    expect(await callAs({ exp: now - 29 })).toBe('200');
    expect(await callAs({ exp: now - 30 })).toBe('401 token_expired');
    expect(await callAs({ nbf: now + 30 })).toBe('200');
    expect(await callAs({ nbf: now + 31 })).toBe('401 invalid_token');
    expect(await callAs({ iat: now + 30 })).toBe('200');
    expect(await callAs({ iat: now + 31 })).toBe('401 invalid_token');
  });
});

describe.each(lanes)('an answer about an opaque token, on the %s', (_lane, env) => {
  const start = async (claims: Claims): Promise<void> => {
    house = await startForeignHouse({ kind: 'introspection', env });
    house.issue(claims);
  };
  const status = async (): Promise<number> => (await house.call('opaque-0')).status;

  it('counts no longer than the token, however long answers count', async () => {
    await start({});
    house.issuer.opaque.set('opaque-0', {
      active: true,
      ...house.issuer.claims({ exp: house.clock.nowSeconds() + 10 }),
    });
    expect(await status()).toBe(200);
    house.clock.advance(39);
    expect(await status()).toBe(200);
    house.clock.advance(1);

    expect(await status()).toBe(401);
    expect(house.issuer.questions).toHaveLength(1);
  });

  it('counts as long as is said, also of a token without an end', async () => {
    await start({ exp: undefined });
    expect(await status()).toBe(200);
    house.clock.advance(59);
    expect(await status()).toBe(200);
    expect(house.issuer.questions).toHaveLength(1);
    house.issuer.opaque.set('opaque-0', { active: false });
    house.clock.advance(1);

    expect(await status()).toBe(401);
    expect(house.issuer.questions).toHaveLength(2);
  });

  it('that takes groups away counts from the next question on', async () => {
    house = await startForeignHouse({
      kind: 'introspection',
      env,
      mount: {
        entry: { rules: { ...everybody, groups: { any: ['staff'], all: [], none: [] } }, contact: undefined },
      },
    });
    house.issue({ groups: ['staff'] });
    expect(await status()).toBe(200);
    house.issuer.opaque.set('opaque-0', { active: true, ...house.issuer.claims({ groups: [] }) });
    expect(await status()).toBe(200);
    house.clock.advance(60);

    expect(await status()).toBe(403);
  });
});

describe('the keys of another issuer that change', () => {
  const keyFetches = (): number => house.issuer.requests.filter((line) => line === 'GET /keys').length;

  it('with the old one beside the new: tokens of both count, and nobody waits', async () => {
    house = await startForeignHouse();
    const old = house.issue();
    expect((await house.call(old)).status).toBe(200);
    house.clock.advance(61);
    const [first] = house.issuer.keys;
    house.issuer.keys = [makeKey('second'), first!];

    expect((await house.call(house.issue())).status).toBe(200);
    expect((await house.call(old)).status).toBe(200);
    expect(keyFetches()).toBe(2);
    house.issuer.keys = house.issuer.keys.toReversed();
    expect((await house.call(house.issue({ jti: 'old key, new token' }))).status).toBe(200);
    expect(keyFetches()).toBe(2);
  });

  it('at once: what the old one signed counts while it is known, and not when it is new', async () => {
    house = await startForeignHouse();
    const known = house.issue();
    const unknown = house.issue({ jti: 'never shown' });
    expect((await house.call(known)).status).toBe(200);
    house.clock.advance(61);
    house.issuer.keys = [makeKey('second')];

    expect((await house.call(house.issue())).status).toBe(200);
    expect((await house.call(known)).status).toBe(200);
    expect((await house.call(unknown)).status).toBe(401);
  });

  it('while nobody answers: a token of the new one waits with 503, and those of the old one count', async () => {
    house = await startForeignHouse();
    expect((await house.call(house.issue())).status).toBe(200);
    house.clock.advance(61);
    const other = house.issue({ jti: 'another' });
    house.issuer.keys = [makeKey('second')];
    house.issuer.answers.set('/keys', { status: 503, body: '' });

    expect((await house.call(other)).status).toBe(200);
    const answer = await house.call(house.issue());
    expect(answer.status).toBe(503);
    expect(answer.headers['www-authenticate']).toBeUndefined();
    house.issuer.answers.clear();
    house.clock.advance(61);
    expect((await house.call(house.issue())).status).toBe(200);
  });
});
