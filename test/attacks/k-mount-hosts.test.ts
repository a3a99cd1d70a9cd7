import { afterEach, describe, expect, it } from 'vitest';

import { lanes } from '../support/attacked-house.ts';
import { registerClient, signIn } from '../support/flow.ts';
import { openRaw, type RawConnection } from '../support/mount-client.ts';
import {
  type MountedHouse,
  type MountName,
  resourceOf,
  startMountedHouse,
} from '../support/mounted-house.ts';

describe.each(lanes)('several mounts, on the %s', (_lane, env) => {
  let house: MountedHouse;
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
    raw.socket.write([...head, 'Connection: close', '', body].join('\r\n'));
    await raw.closed;
    return raw.received();
  }

  function post(target: string, host: string, token: string, ...further: readonly string[]): Promise<string> {
    const credential = `Authorization: Bearer ${token}`;
    const length = ['Content-Type: application/json', 'Content-Length: 2'];
    return send([`POST ${target} HTTP/1.1`, `Host: ${host}`, credential, ...further, ...length], '{}');
  }

  function heard(): readonly MountName[] {
    return (['notes', 'wiki', 'files'] as const).filter((name) => house.upstreams[name].requests.length > 0);
  }

  it('attack 144: a token of one mount opens no other, under whatever host it is shown', async () => {
    house = await startMountedHouse({ env });
    const { accessToken: ofFiles } = await signIn(house.asking(resourceOf.files));
    const { accessToken: ofWiki } = await signIn(house.asking(resourceOf.wiki));

    for (const host of ['gatehouse.test', 'GATEHOUSE.TEST:443', 'unknown.test']) {
      for (const target of ['/notes/mcp', '/wiki', '/wiki/mcp']) {
        expect(await post(target, host, ofFiles)).toMatch(/^HTTP\/1\.1 401 [^]*error="invalid_token"/);
      }
      expect(await post('/notes/mcp', host, ofWiki)).toMatch(/^HTTP\/1\.1 401 /);
    }
    for (const host of ['files.test', 'FILES.test', 'files.test.']) {
      expect(await post('/mcp', host, ofWiki)).toMatch(/^HTTP\/1\.1 401 [^]*files\.test\/\.well-known/);
    }
    expect(heard()).toEqual([]);
  });

  it.each(['files.test', 'FILES.TEST', 'files.test:443', 'files.test.', 'Files.Test.:443'])(
    'attack 160: %s is the host of its mount, and has nothing of the authorization server',
    async (host) => {
      house = await startMountedHouse({ env });
      const client = await registerClient(house);
      const { accessToken } = await signIn(house.asking(resourceOf.files));

      expect(await post('/mcp', host, accessToken)).toMatch(/^HTTP\/1\.1 200 /);
      expect(house.upstreams.files.requests[0]?.header('host')).toEqual([
        new URL(house.upstreams.files.origin).host,
      ]);
      for (const target of [
        `/authorize?response_type=code&client_id=${client.clientId}`,
        '/consent',
        '/callback?code=a&state=b',
        '/token',
        '/register',
        '/registration',
        '/revoke',
        '/.well-known/oauth-authorization-server',
        '/.well-known/openid-configuration',
        '/notes/mcp',
        '/wiki',
      ]) {
        for (const method of ['GET', 'POST']) {
          const answer = await send([`${method} ${target} HTTP/1.1`, `Host: ${host}`, 'Content-Length: 0']);
          expect([target, answer.slice(0, 12)]).toEqual([
            target,
            target.startsWith('/.well-known/') && method === 'POST' ? 'HTTP/1.1 405' : 'HTTP/1.1 404',
          ]);
          expect(answer).not.toMatch(/set-cookie|<html/i);
        }
      }
      expect(heard()).toEqual(['files']);
    },
  );

  it.each(['files.test:80', 'files.test:8443', 'FILES.TEST.:1'])(
    'attack 160: %s is nobody: browsers share cookies between the ports of a host',
    async (host) => {
      house = await startMountedHouse({ env });
      const { accessToken } = await signIn(house.asking(resourceOf.files));

      expect(await post('/mcp', host, accessToken)).toMatch(/^HTTP\/1\.1 403 [^]*"access_denied"/);
      expect(house.events.at(-1)).toMatchObject({ type: 'request_refused', reason: 'host_foreign' });
      for (const target of [
        '/authorize',
        '/healthz',
        '/notes/mcp',
        '/.well-known/oauth-protected-resource',
      ]) {
        expect(await send([`GET ${target} HTTP/1.1`, `Host: ${host}`])).toMatch(/^HTTP\/1\.1 403 /);
      }
      expect(heard()).toEqual([]);
    },
  );

  it.each([
    'gatehouse.test',
    'x.files.test',
    'xfiles.test',
    'files.test.evil.test',
    '127.0.0.1',
    'files-test',
  ])('attack 160: %s does not lead to the mount of another host', async (host) => {
    house = await startMountedHouse({ env });
    const { accessToken } = await signIn(house.asking(resourceOf.files));

    const forwarded = ['X-Forwarded-Host: files.test', 'Forwarded: host=files.test'];
    expect(await post('/mcp', host, accessToken, ...forwarded)).toMatch(/^HTTP\/1\.1 404 /);
    const metadata = await send([
      'GET /.well-known/oauth-protected-resource/mcp HTTP/1.1',
      `Host: ${host}`,
      ...forwarded,
    ]);
    expect(metadata).toMatch(/^HTTP\/1\.1 404 /);
    expect(heard()).toEqual([]);
  });

  it('attack 160: two hosts, or another one in the target, are refused', async () => {
    house = await startMountedHouse({ env });
    const { accessToken } = await signIn(house.asking(resourceOf.files));

    for (const [target, host, ...further] of [
      ['/mcp', 'files.test', 'Host: gatehouse.test'],
      ['/mcp', 'gatehouse.test', 'Host: files.test'],
      ['/mcp', 'files.test', 'Host: files.test'],
      ['https://files.test/mcp', 'gatehouse.test'],
      ['https://files.test/mcp', 'files.test'],
      ['https://gatehouse.test/wiki', 'files.test'],
      ['//files.test/mcp', 'gatehouse.test'],
      ['/mcp', 'files.test, gatehouse.test'],
    ] as const) {
      expect(await post(target, host, accessToken, ...further)).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(heard()).toEqual([]);
  });
});
