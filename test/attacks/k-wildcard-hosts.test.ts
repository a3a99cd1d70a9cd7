import { afterEach, describe, expect, it } from 'vitest';

import { createMemberPool } from '../../src/gateway/member-pool.ts';
import { lanes } from '../support/attacked-house.ts';
import { registerClient, signIn } from '../support/flow.ts';
import { openRaw, type RawConnection } from '../support/mount-client.ts';
import { resourceAt, startWildcardHouse, type WildcardHouse } from '../support/wildcard-house.ts';

/** Spellings in which `*.mcp.test` has no such host, or not this one. */
const nobodys = [
  'mcp.test',
  '.mcp.test',
  '*.mcp.test',
  'a.b.mcp.test',
  'red.red.mcp.test',
  'red..mcp.test',
  'red.mcp.test..',
  'a_b.mcp.test',
  '-a.mcp.test',
  'a-.mcp.test',
  '%72ed.mcp.test',
  'red%00.mcp.test',
  'red%2e.mcp.test',
  'xn--dmin-7cd.mcp.test',
  'r\u00e4d.mcp.test',
  `${'x'.repeat(64)}.mcp.test`,
  '{label}.mcp.test',
  'red.mcp.test:80',
  'red.mcp.test:8443',
  'RED.MCP.TEST.:1',
  'red.mcp.test:',
  'red.mcp.test:0443',
  'own.mcp.test:8443',
  'green.mcp.test',
  '10.mcp.test:80',
  'user@red.mcp.test',
];

describe.each(lanes)('a mount at every host that a wildcard matches, on the %s', (_lane, env) => {
  let house: WildcardHouse;
  const connections: RawConnection[] = [];

  afterEach(async () => {
    expect(house.logged()).not.toContain('internal_error');
    for (const { socket } of connections.splice(0)) socket.destroy();
    await house.close();
  });

  /** What the house says to these very bytes; the connection ends with it. */
  async function send(head: readonly string[], body = ''): Promise<string> {
    const { publicPort } = await house.listen();
    const raw = openRaw(publicPort);
    connections.push(raw);
    raw.socket.write(Buffer.from([...head, 'Connection: close', '', body].join('\r\n'), 'latin1'));
    await raw.closed;
    return raw.received();
  }

  function post(
    host: string,
    token: string,
    target = '/mcp',
    further: readonly string[] = [],
  ): Promise<string> {
    const credential = `Authorization: Bearer ${token}`;
    const length = ['Content-Type: application/json', 'Content-Length: 2'];
    return send([`POST ${target} HTTP/1.1`, `Host: ${host}`, credential, ...further, ...length], '{}');
  }

  const tokenFor = async (label: string): Promise<string> =>
    (await signIn(house.asking(resourceAt(label)))).accessToken;

  it('attack 260: a token of one label opens no other, nor a host of its own, nor the issuer', async () => {
    house = await startWildcardHouse({ env });
    const ofRed = await tokenFor('red');

    for (const host of [
      'blue.mcp.test',
      'BLUE.mcp.test',
      'blue.mcp.test.',
      'blue.mcp.test:443',
      'r.mcp.test',
    ]) {
      expect(await post(host, ofRed)).toMatch(/^HTTP\/1\.1 401 [^]*error="invalid_token"/);
    }
    expect(await post('own.mcp.test', ofRed, '/notes')).toMatch(/^HTTP\/1\.1 401 /);
    expect(await post('own.mcp.test', ofRed)).toMatch(/^HTTP\/1\.1 404 /);
    expect(await post('gatehouse.test', ofRed)).toMatch(/^HTTP\/1\.1 401 /);
    const forwarded = ['X-Forwarded-Host: red.mcp.test', 'Forwarded: host=red.mcp.test'];
    expect(await post('blue.mcp.test', ofRed, '/mcp', forwarded)).toMatch(/^HTTP\/1\.1 401 /);
    expect([house.upstream.requests, house.other.requests]).toEqual([[], []]);
  });

  it.each(['red.mcp.test', 'RED.mcp.TEST', 'red.mcp.test:443', 'red.mcp.test.', 'Red.Mcp.Test.:443'])(
    'attack 261: %s is one label, and has nothing of the authorization server',
    async (host) => {
      house = await startWildcardHouse({ env });
      const client = await registerClient(house);

      expect(await post(host, await tokenFor('red'))).toMatch(/^HTTP\/1\.1 200 /);
      expect(house.upstream.requests[0]?.target).toBe('/red/mcp');
      for (const target of [
        `/authorize?response_type=code&client_id=${client.clientId}`,
        '/consent',
        '/callback?code=a&state=b',
        '/token',
        '/register',
        '/.well-known/oauth-authorization-server',
        '/notes',
      ]) {
        const answer = await send([`GET ${target} HTTP/1.1`, `Host: ${host}`]);
        expect([target, answer.slice(0, 12)]).toEqual([target, 'HTTP/1.1 404']);
        expect(answer).not.toMatch(/set-cookie|<html/i);
      }
      const metadata = await send(['GET /.well-known/oauth-protected-resource HTTP/1.1', `Host: ${host}`]);
      expect(metadata).toContain('"resource":"https://red.mcp.test/mcp"');
    },
  );

  it('attack 261: a host that is spelled like none, or on another port, is nobody, and never the issuer', async () => {
    house = await startWildcardHouse({ env, wildcard: { labels: ['red', 'blue', '10'] } });
    const accessToken = await tokenFor('red');

    for (const host of nobodys.filter((each) => each !== 'mcp.test')) {
      const answer = await post(host, accessToken);
      expect([host, answer.slice(0, 12)]).toEqual([host, expect.stringMatching(/^HTTP\/1\.1 40[03]$/)]);
      for (const target of ['/authorize', '/healthz', '/.well-known/oauth-protected-resource/mcp']) {
        const asked = await send([`GET ${target} HTTP/1.1`, `Host: ${host}`]);
        expect([host, asked.slice(0, 12)]).toEqual([host, expect.stringMatching(/^HTTP\/1\.1 40[03]$/)]);
        expect(asked).not.toMatch(/set-cookie|<html/i);
      }
    }
    expect(house.upstream.requests).toEqual([]);
    // Above the wildcard, and no host of anybody's: the issuer's, as every host is that leads here and is not named.
    expect(await post('mcp.test', accessToken)).toMatch(/^HTTP\/1\.1 401 /);
    expect(house.other.requests).toEqual([]);
  });

  it('attack 261: two hosts, or another one in the target, are refused', async () => {
    house = await startWildcardHouse({ env });
    const accessToken = await tokenFor('red');

    for (const [target, host, ...further] of [
      ['/mcp', 'red.mcp.test', 'Host: blue.mcp.test'],
      ['/mcp', 'gatehouse.test', 'Host: red.mcp.test'],
      ['https://red.mcp.test/mcp', 'blue.mcp.test'],
      ['//red.mcp.test/mcp', 'blue.mcp.test'],
      ['/mcp', 'red.mcp.test, blue.mcp.test'],
    ] as const) {
      expect(await post(host, accessToken, target, further)).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(house.upstream.requests).toEqual([]);
  });

  it('attack 262: the issuer below its own wildcard is the issuer, and no label', async () => {
    house = await startWildcardHouse({ env: { ...env, PROXY_BASE_URL: 'https://login.mcp.test' } });
    const client = await registerClient(house);
    const accessToken = await tokenFor('red');

    for (const host of ['login.mcp.test', 'LOGIN.mcp.test', 'login.mcp.test:443', 'login.mcp.test.']) {
      expect(await post(host, accessToken)).toMatch(/^HTTP\/1\.1 401 [^]*login\.mcp\.test\/\.well-known/);
      const page = await send([
        `GET /authorize?response_type=code&client_id=${client.clientId} HTTP/1.1`,
        `Host: ${host}`,
      ]);
      expect(page).toMatch(/^HTTP\/1\.1 400 [^]*redirect_uri is required/);
    }
    expect(await post('red.mcp.test', accessToken)).toMatch(/^HTTP\/1\.1 200 /);
    await house.reload((mounts) => mounts.filter(({ name }) => name !== 'main'));
    await expect(tokenFor('login')).rejects.toThrow();
    expect(await post('login.mcp.test', accessToken)).toMatch(/^HTTP\/1\.1 404 /);
    expect(house.upstream.requests).toHaveLength(1);
  });

  it('attack 263: labels that strangers make up end no call, and reach no upstream', async () => {
    house = await startWildcardHouse({ env });
    const accessToken = await tokenFor('red');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const usual = house.upstream.answer;
    house.upstream.answer = async (request, socket) => {
      await held;
      await usual(request, socket);
    };
    const waiting = post('red.mcp.test', accessToken);
    await house.upstream.request(0);

    for (let at = 0; at < 150; at += 1) {
      expect(await post(`made-up-${at}.mcp.test`, at % 2 === 0 ? 'x' : accessToken)).toMatch(
        /^HTTP\/1\.1 401 /,
      );
    }
    expect(house.upstream.requests).toHaveLength(1);
    release();
    expect(await waiting).toMatch(/^HTTP\/1\.1 200 /);
    expect(await post('made-up-3.mcp.test', await tokenFor('made-up-3'))).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('the open mounts of a wildcard', () => {
  it('attack 312: an opening costs no more for all those that somebody holds busy', () => {
    let looks = 0;
    const pool = createMemberPool<{ isBusy(): boolean; retire(): void; close(): void }>(() => ({
      isBusy() {
        looks += 1;
        return true;
      },
      retire: () => undefined,
      close: () => undefined,
    }));
    const cost = (label: string): number => {
      const before = looks;
      pool.open(label);
      pool.prove(label);
      return looks - before;
    };
    const costs = Array.from({ length: 3_000 }, (_, at) => cost(`label-${at}`));

    expect(Math.max(...costs)).toBeLessThanOrEqual(128);
    expect(pool.all()).toHaveLength(3_000);
  });
});
