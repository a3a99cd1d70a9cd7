import { afterEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import {
  reply,
  replyRaw,
  type RecordingUpstream,
  startRecordingUpstream,
} from '../support/recording-upstream.ts';

describe.each(lanes)(
  'the upstream redirects, and would steer identity and credential by it, on the %s',
  (_lane, env) => {
    let path: AttackedHouse<RecordingUpstream>;
    let other: RecordingUpstream | undefined;

    afterEach(async () => {
      await other?.close();
      other = undefined;
      expect(path.internalErrors()).toEqual([]);
      await path.close();
    });

    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secret"}}';

    /** Calls an upstream that redirects; the client learns of a 502 alone, and these targets were asked, no others. */
    async function expectRefused(location: string, status: number, asked: readonly string[]): Promise<void> {
      path.upstream.answer = reply(status, { location });
      const answer = await path.call({ body });
      expect(answer.status).toBe(502);
      expect(answer.headers.location).toBeUndefined();
      expect(await answer.text()).not.toContain(location);
      expect(path.events).toMatchObject([
        { type: 'upstream_failed', kind: 'redirect' },
        { type: 'request_refused', endpoint: 'mcp', reason: 'upstream_redirected', status: 502 },
      ]);
      expect(path.upstream.requests.map((request) => request.target)).toEqual(asked);
      expect(other?.requests ?? []).toEqual([]);
      expect(other?.openConnections ?? 0).toBe(0);
    }

    async function start(): Promise<void> {
      const credential = { UPSTREAM_AUTHORIZATION_HEADER: 'Bearer upstream-credential' };
      path = await startAttackedHouse(await startRecordingUpstream(), { ...credential, ...env });
    }

    it.each([307, 308])('182: a %i to another port of its host is not followed', async (status) => {
      await start();
      other = await startRecordingUpstream();
      await expectRefused(`${other.origin}/mcp/`, status, ['/mcp']);
    });

    it.each([
      ['another host', () => 'http://evil.example/mcp/'],
      ['its own host over another scheme', () => `${path.upstream.origin.replace('http:', 'https:')}/mcp/`],
      ['an authority without scheme', () => `//${new URL(path.upstream.origin).host}/mcp/`],
      ['its own host as user information', () => `${path.upstream.origin}@evil.example/mcp/`],
      ['its own host with user information', () => path.upstream.origin.replace('//', '//user@') + '/mcp/'],
      ['another path', () => '/admin'],
      ['another path in the absolute form', () => `${path.upstream.origin}/admin`],
      ['a path that begins like the mount', () => '/mcp-admin'],
      ['a path out of the mount by dot segments', () => '/mcp/../admin'],
      ['a path out of the mount by encoded dot segments', () => '/mcp/%2e%2e/admin'],
      ['a path out of the mount by an encoded slash', () => '/mcp/..%2fadmin'],
      ['a path out of the mount by a backslash', () => '/mcp\\..\\admin'],
      ['a target with a token in its query', () => '/mcp/?access_token=x'],
    ])('182: a 307 to %s is not followed', async (_what, location) => {
      await start();
      await expectRefused(location(), 307, ['/mcp']);
    });

    it('182: a loop ends where it began', async () => {
      await start();
      await expectRefused('/mcp/', 307, ['/mcp', '/mcp/']);
    });

    it('182: two Locations are none', async () => {
      await start();
      path.upstream.answer = replyRaw(
        'HTTP/1.1 307 X\r\nlocation: /mcp/\r\nlocation: /mcp/a\r\ncontent-length: 0\r\n\r\n',
      );
      expect((await path.call({ body })).status).toBe(502);
      expect(path.upstream.requests.length).toBe(1);
    });

    it('182: a 307 within the mount carries what every call carries, not what the client or the answer says', async () => {
      await start();
      const claims = { authorization: 'Bearer stolen', 'x-user-sub': 'root', 'mcp-session-id': 'theirs' };
      path.upstream.answer = async (request, socket) => {
        const moved = request.target === '/mcp';
        await reply(moved ? 307 : 200, moved ? { location: '/mcp/', ...claims } : {})(request, socket);
      };
      const answer = await path.call({ body, headers: { 'x-user-sub': 'root', 'x-user-groups': 'root' } });
      expect(answer.status).toBe(200);
      expect(answer.headers['mcp-session-id']).toBeUndefined();
      const second = path.upstream.requests[1];
      expect(second?.target).toBe('/mcp/');
      expect(second?.body()).toBe(body);
      expect(second?.headerLines).toEqual(path.upstream.requests[0]?.headerLines);
      expect(second?.header('authorization')).toEqual(['Bearer upstream-credential']);
      expect(second?.header('x-user-sub')).toEqual(['alice']);
      expect(second?.header('x-user-groups')).toEqual(['staff,admins']);
      expect(second?.header('mcp-session-id')).toEqual([]);
    });
  },
);
