import { afterEach, describe, expect, it } from 'vitest';

import {
  type AttackedHouse,
  lanes,
  linesBuiltAnew,
  readHeaderLines,
  startAttackedHouse,
} from '../support/attacked-house.ts';
import {
  type RecordedRequest,
  type RecordingUpstream,
  startRecordingUpstream,
} from '../support/recording-upstream.ts';

describe.each(lanes)('on the %s', (_lane, lane) => {
  let path: AttackedHouse<RecordingUpstream>;

  afterEach(async () => {
    expect(path.internalErrors()).toEqual([]);
    await path.close();
  });

  async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    path = await startAttackedHouse(await startRecordingUpstream(), { ...lane, ...env });
  }

  describe('attack 160: a poisoned Host', () => {
    it.each(['evil.example', 'evil.example:1234', 'localhost', '[::1]'])(
      '%s is not what the upstream hears',
      async (host) => {
        await start();
        const raw = path.connect();
        raw.socket.write(
          `GET /mcp HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${path.issue()}\r\n\r\n`,
        );
        await raw.until(/^HTTP\/1\.1 200 /);
        expect(readHeaderLines(path.upstream.requests[0] as RecordedRequest)).toEqual(
          linesBuiltAnew(path.upstream.origin),
        );
      },
    );

    it.each(['evil.example', 'gatehouse.test.evil.example', 'localhost'])(
      '%s is refused where the hosts are listed, and those that are listed are not',
      async (host) => {
        await start({ ALLOWED_HOSTS: 'gatehouse.internal' });
        const ask = async (name: string): Promise<string> => {
          const raw = path.connect();
          raw.socket.write(
            `GET /mcp HTTP/1.1\r\nHost: ${name}\r\nAuthorization: Bearer ${path.issue()}\r\n\r\n`,
          );
          return raw.until(/^HTTP\/1\.1 \d+ /);
        };
        expect(await ask(host)).toMatch(/^HTTP\/1\.1 4/);
        expect(path.upstream.requests).toEqual([]);
        expect(await ask('gatehouse.internal:8080')).toMatch(/^HTTP\/1\.1 200 /);
        expect(await ask('gatehouse.test')).toMatch(/^HTTP\/1\.1 200 /);
      },
    );

    it.each([
      ['with a path', ['Host: a/b']],
      ['that comes twice', ['Host: gatehouse.test', 'Host: evil.example']],
      ['that is missing', []],
      ['that is a list', ['Host: gatehouse.test, evil.example']],
      ['with user information', ['Host: evil.example@gatehouse.test']],
      ['that is a number', ['Host: 2130706433']],
    ])('one %s is refused', async (_what, hosts) => {
      await start();
      const raw = path.connect();
      raw.socket.write(
        ['GET /mcp HTTP/1.1', ...hosts, `Authorization: Bearer ${path.issue()}`, '', ''].join('\r\n'),
      );
      await raw.closed;
      expect(raw.received()).toMatch(/^HTTP\/1\.1 400 [^]*"error":"invalid_request"/);
      expect(path.events).toEqual([
        { type: 'request_refused', endpoint: 'other', reason: 'request_malformed', status: 400 },
      ]);
      expect(path.upstream.requests).toEqual([]);
      expect((await path.call({ body: '{}' })).status).toBe(200);
    });

    it('the first request to a fresh process teaches it nothing about its own address', async () => {
      await start();
      const raw = path.connect();
      raw.socket.write('GET /mcp HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n\r\n');
      await raw.until(/^HTTP\/1\.1 401 /);
      for (const target of ['/mcp', '/.well-known/oauth-authorization-server']) {
        const answer = await path.call({ target, method: 'GET', bearer: null });
        const said = JSON.stringify(answer.headers) + (await answer.text());
        expect(said).not.toContain('evil.example');
        expect(said).toContain('https://gatehouse.test');
      }
    });

    it('an absolute-form target is refused', async () => {
      await start();
      const raw = path.connect();
      raw.socket.write(
        `GET http://evil.example/mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${path.issue()}\r\n\r\n`,
      );
      await raw.until(/^HTTP\/1\.1 400 /);
      expect(path.upstream.requests).toEqual([]);
    });
  });

  describe('attack 162: a PROXY protocol header from nobody in particular', () => {
    it.each([
      ['version 1', 'PROXY TCP4 192.0.2.1 127.0.0.1 40000 443\r\n'],
      ['version 1, unknown', 'PROXY UNKNOWN\r\n'],
      [
        'version 2',
        '\r\n\r\n\0\r\nQUIT\n\u0021\u0011\0\u000c\u00c0\0\u0002\u0001\u007f\0\0\u0001\u009c\u0040\u0001\u00bb',
      ],
    ])('%s is refused, and the request behind it is not heard', async (_version, header) => {
      await start({ TRUSTED_PROXY_CIDRS: '127.0.0.0/8' });
      const raw = path.connect();
      raw.socket.write(
        `${header}GET /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${path.issue()}\r\n\r\n`,
        'latin1',
      );
      await raw.closed;
      expect(raw.received()).toMatch(/^HTTP\/1\.1 400 [^]*\r\nConnection: close\r\n/);
      expect(raw.received().match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(path.events).toEqual([
        { type: 'request_refused', endpoint: 'other', reason: 'request_malformed', status: 400 },
      ]);
      expect(path.upstream.requests).toEqual([]);
      expect((await path.call({ body: '{}' })).status).toBe(200);
    });
  });

  describe('attack 161: a page of a foreign origin calls the mount', () => {
    it.each(['https://evil.example', 'null', 'https://sub.gatehouse.test', 'http://gatehouse.test'])(
      '%s is refused before the token is looked at',
      async (origin) => {
        await start();
        for (const bearer of [path.issue(), null]) {
          const answer = await path.call({ bearer, body: '{}', headers: { origin } });
          expect(answer.status).toBe(403);
          expect(await answer.json()).toMatchObject({ error: 'access_denied' });
          expect(answer.headers['access-control-allow-origin']).toBeUndefined();
          expect(answer.headers['www-authenticate']).toBeUndefined();
        }
        expect(path.upstream.requests).toEqual([]);
        expect(path.events[0]).toMatchObject({
          type: 'request_refused',
          reason: 'origin_foreign',
          status: 403,
        });
      },
    );

    it('its preflight is refused too', async () => {
      await start();
      const answer = await path.call({
        method: 'OPTIONS',
        bearer: null,
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      });
      expect(answer.status).toBe(403);
      expect(answer.headers['access-control-allow-methods']).toBeUndefined();
    });
  });
});
