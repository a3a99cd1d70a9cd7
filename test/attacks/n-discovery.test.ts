import { afterEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import { complaintsOf } from '../support/configuration.ts';
import { authorizeUrl, decide, registerClient } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { openRaw } from '../support/mount-client.ts';

describe('documents that clients find their way by', () => {
  let house: TestGatehouse;

  afterEach(() => house.close());

  const resourcePath = '/.well-known/oauth-protected-resource';
  const serverPath = '/.well-known/oauth-authorization-server';

  async function open(): Promise<void> {
    house = await createTestGatehouse({
      file: JSON.stringify({
        mounts: [
          { name: 'files', url: '/files/mcp', upstream: 'http://127.0.0.1:9/mcp', default: true },
          { name: 'mail', url: '/mail/mcp', upstream: 'http://127.0.0.1:9/mcp' },
        ],
      }),
    });
  }

  it.each([
    ['/files/mcp', '/files/mcp'],
    ['/mail/mcp', '/mail/mcp'],
    // The root is that of the mount which is meant by who names none.
    ['', '/files/mcp'],
  ])('190: at %j speak of that resource and of no other', async (path, expected) => {
    await open();
    const document = (await (await house.fetch(resourcePath + path)).json()) as Record<string, unknown>;

    expect(document['resource']).toBe(house.publicUrl + expected);
    expect(document['authorization_servers']).toEqual([house.publicUrl]);
  });

  it.each([
    '/files',
    '/files/mcp/',
    '/files/mcp/x',
    '/FILES/mcp',
    '//files/mcp',
    '/files/%6dcp',
    '/files/mcp2',
    '/other/mcp',
    '/https://evil.example/mcp',
  ])('190: at %j there are none', async (path) => {
    await open();
    const answer = await house.fetch(resourcePath + path);

    expect([400, 404]).toContain(answer.status);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.text()).not.toContain('authorization_servers');
  });

  it.each([
    ['Host', 'evil.example'],
    ['X-Forwarded-Host', 'evil.example'],
    ['X-Forwarded-Proto', 'http'],
    ['Forwarded', 'host=evil.example;proto=http'],
    ['X-Original-URL', '/evil'],
    ['Origin', 'https://evil.example'],
  ])('191: are the same bytes whatever %s says, and may be cached for minutes', async (name, value) => {
    await open();
    const { publicPort } = await house.listen();
    const ask = async (path: string, lines: readonly string[]): Promise<{ head: string; body: string }> => {
      const raw = openRaw(publicPort);
      raw.socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`);
      await raw.closed;
      const [head = '', body = ''] = raw.received().split('\r\n\r\n');
      return { head, body };
    };
    for (const path of [`${resourcePath}/files/mcp`, serverPath]) {
      const plain = await ask(path, ['Host: gatehouse.test']);
      const own = name === 'Host' ? [] : ['Host: gatehouse.test'];
      const poisoned = await ask(path, [...own, `${name}: ${value}`]);

      expect(plain.head).toMatch(/^HTTP\/1\.1 200 /);
      expect(poisoned.body).toBe(plain.body);
      expect(poisoned.body).not.toContain('evil');
      expect(poisoned.head).toMatch(/\r\ncache-control: public, max-age=300\r\n/i);
      // The answer is the same for all, so a cache may hold one for all: not even the origin is repeated.
      expect(poisoned.head).toMatch(/\r\naccess-control-allow-origin: \*\r\n/i);
      expect(poisoned.head).not.toMatch(/access-control-allow-credentials|evil/i);
    }
  });

  it('194: an address of ours that a tool hands out asks the person, each time, and says who asks', async () => {
    await open();
    const trusted = await registerClient(house, { client_name: 'Trusted' });
    const attacker = await registerClient(house, {
      client_name: 'Trusted',
      redirect_uris: ['https://evil.example/cb'],
    });
    const browser = new Browser(house);
    const target = { publicUrl: house.publicUrl, resource: `${house.publicUrl}/files/mcp` };
    await decide(browser, await browser.get(authorizeUrl(target, trusted)));
    const before = house.identityProvider.startedLogins.length;

    for (const client of [attacker, trusted]) {
      const page = await browser.get(authorizeUrl(target, client));
      const text = await page.text();
      expect(page.status).toBe(200);
      expect(text).toContain('If you did not start this yourself just now, choose');
      expect(text).toContain(new URL(client.redirectUri).origin);
    }
    expect(house.identityProvider.startedLogins).toHaveLength(before);
  });
});

describe('addresses that clients are handed', () => {
  it.each([
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://gatehouse.test/path',
    'https://gatehouse.test/?x=1',
    'https://gatehouse.test/#x',
    'https://user:password@gatehouse.test',
    'https://gatehouse.test$(touch /tmp/x)',
    'https://gatehouse.test"onload="x',
    'https://gatehouse.test;calc.exe',
    'https://gatehouse.test\\@evil.example',
    'https://*.gatehouse.test',
    'a:$(calc)?x',
    'http://gatehouse.test',
  ])('192: %j is none, and nothing starts', (url) => {
    expect(complaintsOf({ PROXY_BASE_URL: url })).toEqual([expect.stringMatching(/^PROXY_BASE_URL /)]);
  });
});
