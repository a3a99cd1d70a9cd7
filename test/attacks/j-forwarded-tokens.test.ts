import { afterEach, describe, expect, it } from 'vitest';

import type { TokenAuthority } from '../../src/services/identity/foreign/token-authority.ts';
import { untilNow } from '../../src/services/tokens/cut-off.ts';
import { createRevocations } from '../../src/services/tokens/revocations.ts';
import { lanes } from '../support/attacked-house.ts';
import { signIn } from '../support/flow.ts';
import { type ForeignHouse, type ForeignHouseOptions, startForeignHouse } from '../support/foreign-house.ts';
import type { CallAnswer } from '../support/mount-client.ts';
import { type RecordingUpstream, reply, startRecordingUpstream } from '../support/recording-upstream.ts';

let house: ForeignHouse;
let elsewhere: RecordingUpstream | undefined;

afterEach(async () => {
  expect(house.internalErrors()).toEqual([]);
  await house.close();
  await elsewhere?.close();
  elsewhere = undefined;
});

const kinds = ['jwt', 'hmac', 'introspection'] as const satisfies ReadonlyArray<TokenAuthority['kind']>;

const sent = (at = -1): readonly string[] => house.upstream.requests.at(at)?.header('authorization') ?? [];

/** An `Authorization` as it is, and whatever is beside it. */
function callWith(headers: Readonly<Record<string, string | readonly string[]>>): Promise<CallAnswer> {
  return house.call(null, { headers });
}

describe.each(lanes)('the token of a caller, on the %s', (_lane, env) => {
  const start = async (options: ForeignHouseOptions): Promise<void> => {
    house = await startForeignHouse({ env, ...options });
  };

  it.each(kinds)('295: stays here unless the operator passes it on (%s)', async (kind) => {
    await start({ kind });
    const token = house.issue();

    // Checked first, and then known.
    for (let times = 0; times < 2; times += 1) {
      expect((await house.call(token)).status).toBe(200);
      expect(JSON.stringify(house.upstream.requests.at(-1)?.headerLines)).not.toContain(token);
    }
  });

  it.each(kinds)('295: is passed on where the operator says so, known or not (%s)', async (kind) => {
    await start({ kind, mount: { forwardsToken: true } });
    const tokens = [house.issue(), house.issue({ sub: 'bob' })];

    for (const token of [...tokens, ...tokens]) {
      expect((await house.call(token)).status).toBe(200);
      expect(sent()).toEqual([`Bearer ${token}`]);
    }
  });

  it('295: is never passed on when it is one of ours', async () => {
    await start({ own: { forwardsToken: true }, mount: { forwardsToken: true } });
    const { accessToken } = await signIn({ ...house, resource: 'https://gatehouse.test/own' });

    expect((await house.call(accessToken, { target: '/own' })).status).toBe(200);
    expect(sent()).toEqual([]);
    expect((await house.call(accessToken)).status).toBe(401);
    expect(house.upstream.requests).toHaveLength(1);
  });

  it('296: is passed on as it was judged, however it was written', async () => {
    await start({ mount: { forwardsToken: true } });
    const token = house.issuer.issue();
    const spellings = [`bearer ${token}`, `BEARER   ${token}`, `Bearer ${token}  `];

    for (const authorization of spellings) {
      const connection = 'authorization, x-user-sub, close';
      expect((await callWith({ authorization, connection })).status).toBe(200);
      expect(sent()).toEqual([`Bearer ${token}`]);
    }
  });

  it('296: is the only credential that passes', async () => {
    await start({ mount: { forwardsToken: true } });
    const token = house.issuer.issue();
    const others = {
      'proxy-authorization': 'Bearer smuggled',
      'x-authorization': 'Bearer smuggled',
      'x-forwarded-authorization': 'Bearer smuggled',
      authorization_: 'Bearer smuggled',
      cookie: 'session=smuggled',
      dpop: 'smuggled',
    };

    expect((await callWith({ ...others, authorization: `Bearer ${token}` })).status).toBe(200);
    expect(sent()).toEqual([`Bearer ${token}`]);
    expect(JSON.stringify(house.upstream.requests.at(-1)?.headerLines)).not.toContain('smuggled');
  });

  it('296: is passed on alone: two, or none that is good, go nowhere', async () => {
    await start({ mount: { forwardsToken: true } });
    const good = house.issuer.issue();
    const bad: readonly (string | readonly string[])[] = [
      [`Bearer ${good}`, 'Bearer other'],
      ['Bearer other', `Bearer ${good}`],
      `Bearer ${good}, Bearer other`,
      `Bearer ${good} other`,
      `Basic ${good}`,
      `Bearer ${house.issuer.issue({ aud: 'https://else.test' })}`,
      `Bearer ${house.issuer.issue({ exp: 1 })}`,
    ];

    for (const authorization of bad) {
      expect((await callWith({ authorization })).status, String(authorization)).toBe(401);
    }
    expect(house.upstream.requests).toEqual([]);
  });

  it('296: is not passed on any more when its person was stopped', async () => {
    await start({ mount: { forwardsToken: true } });
    const token = house.issuer.issue();
    expect((await house.call(token)).status).toBe(200);
    const revocations = createRevocations({
      store: house.store,
      clock: house.clock,
      onError: () => undefined,
    });
    await revocations.cutOff({ kind: 'everything', key: '', before: untilNow(house.clock.nowSeconds()) });
    revocations.close();

    expect((await house.call(token)).status).toBe(401);
    expect(house.upstream.requests).toHaveLength(1);
  });

  it('296: does not follow where the upstream sends', async () => {
    await start({ mount: { forwardsToken: true } });
    elsewhere = await startRecordingUpstream();
    house.upstream.answer = reply(307, { location: `${elsewhere.origin}/mcp` });
    await house.call(house.issuer.issue());

    expect(elsewhere.requests).toEqual([]);
  });

  it('296: takes the place of no credential of ours, and is in no log', async () => {
    await start({ mount: { forwardsToken: true } });
    const token = house.issuer.issue();
    house.upstream.answer = (_, socket) => void socket.destroy();
    expect((await house.call(token)).status).toBe(502);

    const [, , signature = 'none'] = token.split('.');
    expect(house.logged()).not.toContain(signature);
    expect(JSON.stringify(house.events)).not.toContain(signature);
  });

  const bound: Readonly<Record<string, unknown>> = {
    'a key (RFC 9449)': { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' },
    'a certificate (RFC 8705)': { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' },
    'a key that it has in it (RFC 7800)': { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AA' } },
    'something that nobody knows': { 'x-other': 'thing' },
    nothing: {},
    null: null,
  };

  for (const kind of kinds) {
    it.each(Object.keys(bound))(
      `297: is refused without a proof when it is bound to %s (${kind})`,
      async (to) => {
        await start({ kind, mount: { forwardsToken: true } });
        const token = house.issue({ cnf: bound[to] });

        expect((await house.call(token)).status).toBe(401);
        expect(house.events.at(-1)).toMatchObject({ reason: 'token_bound' });
        const proven = await callWith({ authorization: `DPoP ${token}`, dpop: 'proof' });
        expect(proven.status).toBe(401);
        expect(house.upstream.requests).toEqual([]);
      },
    );
  }

  it('297: is refused when its issuer calls it something else than a bearer token', async () => {
    await start({ kind: 'introspection', mount: { forwardsToken: true } });

    for (const type of ['DPoP', 'N_A', 'mac', 1, null]) {
      expect((await house.call(house.issue({ token_type: type }))).status).toBe(401);
    }
    expect(house.upstream.requests).toEqual([]);
    expect((await house.call(house.issue({ token_type: 'bearer' }))).status).toBe(200);
  });
});
