import { brotliCompressSync, gzipSync } from 'node:zlib';

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
  answerWithEcho,
  type ReceivedRequest,
  startStrictUpstream,
  type StrictUpstream,
} from '../support/strict-upstream.ts';

const maxBodyBytes = 1024 * 1024;

describe.each(lanes)('bodies, on the %s', (_lane, env) => {
  let house: AttackedHouse<StrictUpstream>;

  beforeAll(async () => {
    house = await startAttackedHouse(await startStrictUpstream(), {
      MAX_BODY_BYTES: String(maxBodyBytes),
      ...env,
    });
  });

  beforeEach(() => {
    house.upstream.answer = answerWithEcho;
    house.upstream.answerEarly = () => false;
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
    house.upstream.answerEarly = () => false;
    const body = '{"after":1}';
    const answer = await house.call({ body, bearer: house.issue({ subject: 'bob' }) });
    expect(await answer.json()).toEqual({ method: 'POST', target: '/mcp', body });
  }

  it.each([
    ['a 401', 'HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno', 502],
    ['a 413', 'HTTP/1.1 413 No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}', 413],
    ['a 200', 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}', 200],
  ])(
    '167: %s before the body was read costs the connection, not the next caller',
    async (_what, bytes, status) => {
      const answeredOn: number[] = [];
      house.upstream.answerEarly = (_, socket) => {
        answeredOn.push(house.upstream.received.length - 1);
        socket.write(bytes);
        return true;
      };
      const raw = house.connect();
      raw.socket.write(head('POST', 'Content-Length: 1000000'));
      raw.socket.write('x'.repeat(500_000));
      await raw.until(new RegExp(`^HTTP/1\\.1 ${status} [^]*\\}$`));
      raw.socket.write('x'.repeat(500_000));
      raw.socket.destroy();
      const heard = house.upstream.requests.length;
      await expectFineForOthers();
      expect(house.upstream.requests[heard]?.connection).toBeGreaterThan(answeredOn[0] ?? Infinity);
    },
  );

  it('167: an upstream that breaks off within a body leaves the client its answer and its connection', async () => {
    house.upstream.answerEarly = (_, socket) => {
      socket.destroy();
      return true;
    };
    const raw = house.connect();
    raw.socket.write(`${head('POST', 'Content-Length: 900000')}${'x'.repeat(100_000)}`);
    await raw.until(/^HTTP\/1\.1 502 [^]*\}$/);
    raw.socket.write('x'.repeat(800_000));
    house.upstream.answerEarly = () => false;
    raw.socket.write(`${head('POST', 'Content-Length: 11')}{"after":1}`);
    expect(await raw.until(/\}"\}$|\}HTTP\/1\.1 4/)).toMatch(/\{\\"after\\":1\}"\}$/);
    raw.socket.destroy();
    await expectFineForOthers();
  });

  it.each(['GET', 'DELETE'])(
    '168: a %s with a body is refused, and its body is no request',
    async (method) => {
      const hidden = smuggled(house.issue());
      for (const [lines, body] of [
        [[`Content-Length: ${hidden.length}`], hidden],
        [['Transfer-Encoding: chunked'], `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`],
      ] as const) {
        const [heard, events] = [house.upstream.received.join('').length, house.events.length];
        const raw = house.connect();
        raw.socket.write(head(method, ...lines) + body);
        await raw.until(/^HTTP\/1\.1 400 [^]*"error":"invalid_request"/);
        raw.socket.end();
        await raw.closed;
        expect(raw.received().match(/HTTP\/1\.1 /g)).toHaveLength(1);
        expect(house.events.slice(events)).toMatchObject([
          { type: 'request_refused', endpoint: 'mcp', reason: 'body_malformed', status: 400 },
        ]);
        expect(house.upstream.received.join('').length).toBe(heard);
        await expectFineForOthers();
      }
    },
  );

  it('168: a HEAD with a body is refused without one of its own', async () => {
    const heard = house.upstream.received.join('').length;
    const hidden = smuggled(house.issue());
    const raw = house.connect();
    raw.socket.write(head('HEAD', `Content-Length: ${hidden.length}`) + hidden);
    await raw.until(/^HTTP\/1\.1 405 [^]*\r\n\r\n/);
    raw.socket.end();
    await raw.closed;
    expect(raw.received()).toMatch(/\r\n\r\n$/);
    expect(house.upstream.received.join('').length).toBe(heard);
    await expectFineForOthers();
  });

  it('168: a body that is announced with Expect and never comes costs the upstream nothing', async () => {
    const heard = house.upstream.received.join('').length;
    const raw = house.connect();
    raw.socket.write(head('POST', 'Expect: 100-continue', 'Content-Length: 2'));
    await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    raw.socket.destroy();
    await expectFineForOthers();
    const [last] = house.upstream.requests.slice(-1);
    expect(house.upstream.received.join('').length - heard).toBe((last?.head.length ?? 0) + 4 + 11);
  });

  it('168: Expect is between the client and us, and the body behind it is framed anew', async () => {
    const heard = house.upstream.requests.length;
    const raw = house.connect();
    raw.socket.write(head('POST', 'Expect: 100-continue', 'Transfer-Encoding: chunked'));
    await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    raw.socket.write('2;x=y\r\n{}\r\n0\r\nX-User-Sub: root\r\n\r\n');
    await raw.until(/HTTP\/1\.1 200 /);
    const [sent] = house.upstream.requests.slice(heard);
    expect(sent?.body).toBe('{}');
    expect(readHeaderLines(sent as ReceivedRequest)).toEqual(
      linesBuiltAnew(house.upstream.origin, ['transfer-encoding: chunked']),
    );
    await expectFineForOthers();
  });

  it('168: a broken body behind Expect is refused, and its connection closed', async () => {
    const heard = house.upstream.requests.length;
    const raw = house.connect();
    raw.socket.write(head('POST', 'Expect: 100-continue', 'Transfer-Encoding: chunked'));
    await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    raw.socket.write(`zz\r\n${smuggled(house.issue())}`);
    await raw.closed;
    expect(raw.received()).toMatch(/\r\n\r\nHTTP\/1\.1 400 [^]*"error":"invalid_request"/);
    expect(house.upstream.requests).toHaveLength(heard);
    await expectFineForOthers();
  });

  it.each(['tea', '200-ok', '101-continue'])(
    '168: an expectation %s is a 417, and what follows it is not heard',
    async (expectation) => {
      const [heard, events] = [house.upstream.received.join('').length, house.events.length];
      const raw = house.connect();
      raw.socket.write(
        `${head('POST', `Expect: ${expectation}`, 'Content-Length: 2')}{}${smuggled(house.issue())}`,
      );
      await raw.closed;
      expect(raw.received()).toMatch(/^HTTP\/1\.1 417 [^]*\r\nConnection: close\r\n/);
      expect(raw.received().match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(house.events.slice(events)).toEqual([
        { type: 'request_refused', endpoint: 'other', reason: 'request_malformed', status: 417 },
      ]);
      expect(house.upstream.received.join('').length).toBe(heard);
      await expectFineForOthers();
    },
  );

  it.each([
    ['gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['br', brotliCompressSync(Buffer.alloc(10_000_000))],
    ['gzip, gzip', gzipSync(gzipSync(Buffer.alloc(50_000_000)))],
  ])('175: a bomb in %s passes as the bytes that it is, and is never opened', async (coding, bomb) => {
    const heard = house.upstream.requests.length;
    const raw = house.connect();
    raw.socket.write(head('POST', `Content-Encoding: ${coding}`, `Content-Length: ${bomb.length}`));
    raw.socket.write(bomb);
    await raw.until(/^HTTP\/1\.1 200 /);
    const [sent] = house.upstream.requests.slice(heard);
    expect(Buffer.from(sent?.body ?? '', 'latin1').equals(bomb)).toBe(true);
    expect(sent?.header('content-encoding')).toEqual([coding]);
    await expectFineForOthers();
  });

  it.each([
    ['a length', [`Content-Length: ${maxBodyBytes + 1}`], ''],
    ['chunks', ['Transfer-Encoding: chunked'], `${(maxBodyBytes + 1).toString(16)}\r\n`],
  ] as const)('175: past the cap it is a 413 by %s, compressed or not', async (_what, lines, start) => {
    const [heard, events] = [house.upstream.requests.length, house.events.length];
    const raw = house.connect();
    raw.socket.write(head('POST', 'Content-Encoding: gzip', ...lines) + start);
    raw.socket.write('\u001f'.repeat(maxBodyBytes + 1));
    await raw.until(/^HTTP\/1\.1 413 [^]*"error":"invalid_request"/);
    raw.socket.destroy();
    expect(house.upstream.requests).toHaveLength(heard);
    expect(house.events.slice(events)).toMatchObject([
      { type: 'request_refused', endpoint: 'mcp', reason: 'body_too_large', status: 413 },
    ]);
    await expectFineForOthers();
  });

  it('175: a compressed form at an endpoint of ours is refused unread', async () => {
    const body = gzipSync(Buffer.alloc(50_000_000, 'a=b&'));
    const raw = house.connect();
    raw.socket.write(
      'POST /token HTTP/1.1\r\nHost: gatehouse.test\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
        `Content-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    raw.socket.write(body);
    await raw.until(/^HTTP\/1\.1 4(?:00|13|15) [^]*"error":"/);
    raw.socket.destroy();
    await expectFineForOthers();
  });
});
