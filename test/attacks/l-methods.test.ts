import { METHODS } from 'node:http';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import {
  type AttackedHouse,
  lanes,
  linesBuiltAnew,
  readHeaderLines,
  startAttackedHouse,
} from '../support/attacked-house.ts';
import { smuggled } from '../support/framing-attacks.ts';
import {
  answerWithBytes,
  answerWithEcho,
  type ReceivedRequest,
  startStrictUpstream,
  type StrictUpstream,
} from '../support/strict-upstream.ts';

const allowed = new Set(['GET', 'POST', 'DELETE', 'CONNECT']);

describe.each(lanes)('methods, tunnels and other protocols, on the %s', (_lane, env) => {
  let house: AttackedHouse<StrictUpstream>;

  beforeAll(async () => {
    house = await startAttackedHouse(await startStrictUpstream(), env);
  });

  beforeEach(() => {
    house.upstream.answer = answerWithEcho;
  });

  afterAll(async () => {
    expect(house.upstream.complaints).toEqual([]);
    expect(house.internalErrors()).toEqual([]);
    await house.close();
  });

  const head = (method: string, ...lines: readonly string[]): string =>
    [
      `${method} /mcp HTTP/1.1`,
      'Host: gatehouse.test',
      `Authorization: Bearer ${house.issue()}`,
      ...lines,
      '',
      '',
    ].join('\r\n');

  async function expectFineForOthers(): Promise<void> {
    house.upstream.answer = answerWithEcho;
    const body = '{"after":1}';
    const answer = await house.call({ body, bearer: house.issue({ subject: 'bob' }) });
    expect(await answer.json()).toEqual({ method: 'POST', target: '/mcp', body });
  }

  const upgrades: readonly (readonly [what: string, lines: readonly string[]])[] = [
    [
      'to h2c',
      ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'],
    ],
    ['to h2c without a word of it in Connection', ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABk']],
    ['to WebSocket', ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']],
    ['to one of several', ['Connection: keep-alive, Upgrade', 'Upgrade: TLS/1.0, HTTP/1.1, h2c']],
  ];

  it.each(upgrades)('164: an upgrade %s is no way in without a token', async (_what, lines) => {
    const raw = house.connect();
    const heard = house.upstream.received.join('').length;
    raw.socket.write(
      `GET /mcp HTTP/1.1\r\nHost: gatehouse.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`,
    );
    await raw.until(/^HTTP\/1\.1 401 /);
    expect(house.upstream.received.join('').length).toBe(heard);
    await expectFineForOthers();
  });

  it.each(upgrades)('164: an upgrade %s is an ordinary request to the upstream', async (_what, lines) => {
    const raw = house.connect();
    const heard = house.upstream.requests.length;
    raw.socket.write(head('GET', ...lines));
    await raw.until(/^HTTP\/1\.1 200 /);
    expect(readHeaderLines(house.upstream.requests[heard] as ReceivedRequest)).toEqual(
      linesBuiltAnew(house.upstream.origin),
    );
    await expectFineForOthers();
  });

  it('164: an upstream that switches protocols has failed, and its connection is used no more', async () => {
    house.upstream.answer = answerWithBytes(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n' +
        'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison',
    );
    const raw = house.connect();
    raw.socket.write(head('GET', ...(upgrades[0]?.[1] ?? [])));
    expect(await raw.until(/\}$/)).toMatch(/^HTTP\/1\.1 502 [^]*"error":"bad_gateway"/);
    expect(raw.received()).not.toMatch(/upgrade:/i);
    expect(house.events.at(-1)).toMatchObject({ reason: 'upstream_malformed', status: 502 });
    await expectFineForOthers();
  });

  it.each(METHODS.filter((method) => !allowed.has(method)))(
    '166: %s is refused, and the request in its body is not heard',
    async (method) => {
      const heard = house.upstream.received.join('').length;
      const hidden = smuggled(house.issue());
      const raw = house.connect();
      raw.socket.write(head(method, `Content-Length: ${hidden.length}`) + hidden);
      const text = await raw.until(/\r\n\r\n/);
      expect(text).toMatch(/^HTTP\/1\.1 (?:405 |400 )/);
      raw.socket.end();
      await raw.closed;
      expect(raw.received().match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(house.upstream.received.join('').length).toBe(heard);
      await expectFineForOthers();
    },
  );

  it('166: a method of another name in a header is not listened to', async () => {
    const raw = house.connect();
    const heard = house.upstream.requests.length;
    raw.socket.write(
      head('GET', 'X-HTTP-Method-Override: DELETE', 'X-HTTP-Method: DELETE', 'X-Method-Override: DELETE'),
    );
    await raw.until(/^HTTP\/1\.1 200 /);
    const [sent] = house.upstream.requests.slice(heard);
    expect(sent?.method).toBe('GET');
    expect(readHeaderLines(sent as ReceivedRequest)).toEqual(linesBuiltAnew(house.upstream.origin));
  });

  it.each(['evil.example:443', '127.0.0.1:22', '/mcp', 'gatehouse.test', '*'])(
    '166: CONNECT %s opens no tunnel, and what follows it is not heard',
    async (target) => {
      const heard = house.upstream.received.join('').length;
      const events = house.events.length;
      const raw = house.connect();
      raw.socket.write(
        `CONNECT ${target} HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${house.issue()}\r\n\r\n` +
          smuggled(house.issue()),
      );
      await raw.closed;
      expect(raw.received()).toMatch(/^HTTP\/1\.1 40[05] [^]*\r\nConnection: close\r\n/);
      expect(raw.received().match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(house.events.slice(events)).toMatchObject([{ type: 'request_refused', endpoint: 'other' }]);
      expect(house.upstream.received.join('').length).toBe(heard);
      await expectFineForOthers();
    },
  );

  it('166: a CONNECT whose client resets the connection ends nothing but that connection', async () => {
    for (let count = 0; count < 20; count += 1) {
      const raw = house.connect();
      raw.socket.write('CONNECT evil.example:443 HTTP/1.1\r\nHost: gatehouse.test\r\n\r\n');
      await raw.until(/^HTTP\/1\.1 40[05] /);
      // An error of a connection that nobody listens to would be the end of the process.
      raw.socket.resetAndDestroy();
    }
    await expectFineForOthers();
  });

  it('174: HTTP/2 is not spoken: its preface is refused before any of its frames is looked at', async () => {
    const heard = house.upstream.received.join('').length;
    const events = house.events.length;
    // SETTINGS, then HEADERS and RST_STREAM over and over.
    const settings = '\0\0\0\u0004\0\0\0\0\0';
    const reset = '\0\0\u0001\u0001\u0005\0\0\0\u0001\u0082\0\0\u0004\u0003\0\0\0\0\u0001\0\0\0\u0008';
    const raw = house.connect();
    raw.socket.write(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}${reset.repeat(1000)}`, 'latin1');
    await raw.closed;
    expect(raw.received()).toMatch(/^HTTP\/1\.1 400 [^]*\r\nConnection: close\r\n/);
    expect(house.events.slice(events)).toEqual([
      { type: 'request_refused', endpoint: 'other', reason: 'request_malformed', status: 400 },
    ]);
    expect(house.upstream.received.join('').length).toBe(heard);
    await expectFineForOthers();
  });
});
