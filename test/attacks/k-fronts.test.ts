import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  type AttackedHouse,
  linesBuiltAnew,
  readHeaderLines,
  startAttackedHouse,
} from '../support/attacked-house.ts';
import { allWays, type Front, hasFronts } from '../support/fronts.ts';
import {
  type ReceivedRequest,
  startStrictUpstream,
  type StrictUpstream,
} from '../support/strict-upstream.ts';

const rows: readonly (readonly [what: string, lines: readonly string[]])[] = [
  [
    '153: our own names',
    ['X-User-Sub: root', 'X_User_Sub: root', 'X-User-Groups: root', 'x_user-email: root'],
  ],
  ['153: our own names behind obs-text', ['X-User-Sub: \u00e4', 'X-User-Groups: \u00a0root']],
  [
    '154: names of other proxies',
    ['Remote-User: root', 'X-Forwarded-User: root', 'X-Auth-Request-Email: root', 'Ssl-Client-Cert: root'],
  ],
  ['155: Connection', ['Connection: X-User-Sub, X-User-Groups, Authorization, keep-alive']],
  ['155: Connection on several lines', ['Connection: keep-alive', 'Connection: x-user-email, host']],
  [
    '155: headers of one hop',
    ['Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive', 'Trailer: X-User-Sub'],
  ],
  [
    '158: headers that steer',
    ['X-Forwarded-For: 10.0.0.1', 'X-Forwarded-Host: evil.example', 'X-Forwarded-Prefix: /admin'],
  ],
  [
    '158: headers that rewrite',
    ['X-Original-URL: /admin', 'X-Rewrite-URL: /admin', 'Forwarded: for=10.0.0.1'],
  ],
  ['158: methods of another name', ['X-HTTP-Method-Override: DELETE', 'X-Forwarded-Method: DELETE']],
];

describe.skipIf(!hasFronts).each(allWays)('headers, behind %s on the %s', (_front, _lane, start, env) => {
  let house: AttackedHouse<StrictUpstream>;
  let front: Front;

  beforeAll(async () => {
    house = await startAttackedHouse(await startStrictUpstream(), env);
    front = await start(house.port);
  });

  afterAll(async () => {
    expect(house.upstream.complaints).toEqual([]);
    expect(house.internalErrors()).toEqual([]);
    await front.close();
    await house.close();
  });

  it.each(rows)('%s: none gets through, and ours all do', async (_what, lines) => {
    const heard = house.upstream.requests.length;
    const raw = house.connect(front.port);
    const usual = ['Host: gatehouse.test', `Authorization: Bearer ${house.issue()}`];
    raw.socket.write(['GET /mcp HTTP/1.1', ...usual, ...lines, '', ''].join('\r\n'), 'latin1');
    await raw.until(/^HTTP\/1\.1 200 /);
    const [sent, ...others] = house.upstream.requests.slice(heard);
    expect(sent).toMatchObject({ method: 'GET', target: '/mcp' });
    expect(readHeaderLines(sent as ReceivedRequest)).toEqual(linesBuiltAnew(house.upstream.origin));
    expect(others).toEqual([]);
  });

  it('156: identity in trailers is neither merged nor forwarded', async () => {
    const heard = house.upstream.requests.length;
    const raw = house.connect(front.port);
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${house.issue()}\r\n` +
        'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-User-Sub: root\r\nAuthorization: Bearer root\r\n\r\n',
    );
    await raw.until(/^HTTP\/1\.1 200 /);
    const [sent] = house.upstream.requests.slice(heard);
    expect(sent?.body).toBe('{}');
    expect(sent?.header('x-user-sub')).toEqual(['alice']);
    expect(house.upstream.received.join('')).not.toContain('root');
  });

  it('160: a foreign Host is not what the upstream hears', async () => {
    const heard = house.upstream.requests.length;
    const raw = house.connect(front.port);
    raw.socket.write(
      `GET /mcp HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer ${house.issue()}\r\n\r\n`,
    );
    await raw.until(/^HTTP\/1\.1 200 /);
    expect(raw.received()).not.toContain('evil');
    const [sent] = house.upstream.requests.slice(heard);
    expect(readHeaderLines(sent as ReceivedRequest)).toEqual(linesBuiltAnew(house.upstream.origin));
  });
});
