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

  /** Sends a request with these header lines and hands over what arrived upstream. */
  async function send(lines: readonly string[], rest = '', method = 'GET'): Promise<RecordedRequest> {
    const raw = path.connect();
    const index = path.upstream.requests.length;
    raw.socket.write(
      `${method} /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${path.issue()}\r\n` +
        `${lines.map((line) => `${line}\r\n`).join('')}\r\n${rest}`,
    );
    await raw.until(/^HTTP\/1\.1 200 /);
    return path.upstream.request(index);
  }

  /** What the upstream gets when the client sent nothing that passes. */
  function ownLines(): readonly string[] {
    return linesBuiltAnew(path.upstream.origin);
  }

  describe('attack 153: identity headers of our own, sent by the client', () => {
    it.each([
      'X-User-Sub',
      'x-user-sub',
      'X_User_Sub',
      'X-User_Sub',
      'x_user-sub',
      'X-User-Email',
      'X_USER_EMAIL',
    ])('%s does not get through', async (name) => {
      await start();
      expect(readHeaderLines(await send([`${name}: root`]))).toEqual(ownLines());
    });

    it('X-User-Groups does not get through for a person without groups', async () => {
      await start();
      const bearer = path.issue({ groups: [] });
      await path.call({
        bearer,
        body: '{}',
        headers: { 'x-user-groups': 'admins', x_user_groups: 'admins' },
      });
      const sent = path.upstream.requests[0]?.headerLines.map(([name]) =>
        name.toLowerCase().replaceAll('_', '-'),
      );
      expect(sent).not.toContain('x-user-groups');
    });
  });

  describe('attack 154: identity headers that other proxies set', () => {
    it.each([
      'Remote-User',
      'Remote_User',
      'X-Remote-User',
      'X-Forwarded-User',
      'X-Forwarded-Email',
      'X-Forwarded-Groups',
      'X-Forwarded-Preferred-Username',
      'X-Auth-Request-User',
      'X-Auth-Request-Email',
      'X-Auth-Request-Access-Token',
      'X-Authentik-Username',
      'X-Authentik-Groups',
      'X-WEBAUTH-USER',
      'X-Goog-Authenticated-User-Email',
      'X-Goog-IAP-JWT-Assertion',
      'Cf-Access-Authenticated-User-Email',
      'Cf-Access-Jwt-Assertion',
      'X-Amzn-Oidc-Identity',
      'X-Amzn-Oidc-Data',
      'X-MS-CLIENT-PRINCIPAL',
      'X-MS-CLIENT-PRINCIPAL-NAME',
      'Tailscale-User-Login',
      'X-Pomerium-Jwt-Assertion',
      'X-Pomerium-Claim-Email',
      'Ssl-Client-Cert',
      'Ssl-Client-S-Dn',
      'X-Forwarded-Client-Cert',
      'X-Ssl-Client-Verify',
      'X-Original-User',
      'X-Credential-Username',
    ])('%s does not get through', async (name) => {
      await start();
      expect(readHeaderLines(await send([`${name}: root`]))).toEqual(ownLines());
    });
  });

  describe('attack 155: Connection names headers of ours', () => {
    it.each([
      'X-User-Sub, Authorization, MCP-Protocol-Version, close',
      'x-user-sub',
      'keep-alive, X-User-Groups, X-User-Email, X-Request-Id, Host',
      'close, authorization',
    ])('%s takes none away', async (connection) => {
      await start({ UPSTREAM_AUTHORIZATION_HEADER: 'Basic ours' });
      const sent = await send([
        `Connection: ${connection}`,
        'Keep-Alive: timeout=5',
        'Proxy-Connection: keep-alive',
        'TE: trailers',
        'Trailer: X-User-Sub',
      ]);
      expect(readHeaderLines(sent)).toEqual(
        linesBuiltAnew(path.upstream.origin, ['authorization: Basic ours']),
      );
    });

    it('an upgrade is not passed on', async () => {
      await start();
      const sent = await send([
        'Connection: Upgrade, HTTP2-Settings',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
      ]);
      expect(readHeaderLines(sent)).toEqual(ownLines());
    });
  });

  describe('attack 156: identity in trailers', () => {
    it('trailers are neither merged nor forwarded', async () => {
      await start();
      const sent = await send(
        ['Transfer-Encoding: chunked', 'Trailer: X-User-Sub, Authorization'],
        '2\r\n{}\r\n0\r\nX-User-Sub: root\r\nAuthorization: Bearer root\r\nMcp-Session-Id: root\r\n\r\n',
        'POST',
      );
      await sent.complete;
      expect(sent.body()).toBe('{}');
      expect(sent.header('x-user-sub')).toEqual(['alice']);
      expect(JSON.stringify(sent.headerLines) + sent.rawBody()).not.toContain('root');
    });
  });

  describe('attack 157: identity values that break out of their header', () => {
    it.each([
      'x\r\nX-User-Groups: admins',
      'x\nX-User-Groups: admins',
      'x\r\n\r\nGET /admin HTTP/1.1\r\n\r\n',
      'x\u0000y',
      '\u00fc\u{1f600}\u202e',
      'x'.repeat(800),
    ])('%j stays one value', async (subject) => {
      await start();
      await path.call({
        bearer: path.issue({ subject, groups: [`${subject},admins`], email: subject }),
        body: '{}',
      });
      expect(path.upstream.requests.length).toBe(1);
      const [sent] = path.upstream.requests;
      const names = readHeaderLines(sent as RecordedRequest).map((line) => line.split(':', 1)[0]);
      expect(names).toEqual([
        'content-length',
        'content-type',
        'host',
        'x-user-email',
        'x-user-groups',
        'x-user-sub',
      ]);
      const [written = ''] = sent?.header('x-user-sub') ?? [];
      expect(written).toMatch(/^[\x20-\x7e]+$/);
      expect(decodeURIComponent(written)).toBe(subject);
      expect(sent?.header('x-user-groups')[0]?.split(',').map(decodeURIComponent)).toEqual([
        `${subject},admins`,
      ]);
    });
  });

  describe('attack 158: headers that steer other proxies', () => {
    it.each([
      'X-Forwarded-For',
      'X-Forwarded-Proto',
      'X-Forwarded-Host',
      'X-Forwarded-Port',
      'X-Forwarded-Prefix',
      'X-Forwarded-Uri',
      'X-Forwarded-Method',
      'Forwarded',
      'X-Real-IP',
      'X-Original-URL',
      'X-Original-URI',
      'X-Original-Host',
      'X-Rewrite-URL',
      'X-HTTP-Method-Override',
      'X-Method-Override',
      'True-Client-IP',
      'CF-Connecting-IP',
      'X-Client-IP',
      'X-Cluster-Client-IP',
    ])('%s changes nothing and goes nowhere', async (name) => {
      await start();
      const sent = await send([`${name}: /admin`]);
      expect(readHeaderLines(sent)).toEqual(ownLines());
      expect(sent).toMatchObject({ method: 'GET', target: '/mcp' });
    });
  });
});
