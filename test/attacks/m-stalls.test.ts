import { once } from 'node:events';
import { connect } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { answerWithEcho, startStrictUpstream, type StrictUpstream } from '../support/strict-upstream.ts';

const stream = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const megabyte = Buffer.alloc(1024 * 1024, 'x');

describe.each(lanes)('an upstream that stalls or never ends, on the %s', (_lane, env) => {
  let house: AttackedHouse<StrictUpstream>;

  beforeEach(async () => {
    house = await startAttackedHouse(await startStrictUpstream(), { UPSTREAM_HEADER_TIMEOUT: '1s', ...env });
  });

  afterEach(async () => {
    expect(house.upstream.complaints).toEqual([]);
    expect(house.internalErrors()).toEqual([]);
    await house.close();
  });

  const request = (method: string): string =>
    `${method} /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${house.issue()}\r\n\r\n`;

  async function expectFineForOthers(): Promise<void> {
    house.upstream.answer = answerWithEcho;
    for (const turn of [1, 2, 3]) {
      const body = `{"after":${turn}}`;
      const answer = await house.call({ body, bearer: house.issue({ subject: 'bob' }) });
      expect(await answer.json()).toEqual({ method: 'POST', target: '/mcp', body });
    }
  }

  it.each([
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-Type: appli'],
    ['interim answers alone', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ])('184: %s, and then silence, is a 504, and the connection is given up', async (_what, bytes) => {
    house.upstream.answer = (_, socket) => {
      socket.write(bytes);
    };
    const raw = house.connect();
    raw.socket.write(request('GET'));
    await raw.until(/^HTTP\/1\.1 504 [^]*"error":"bad_gateway"/);
    await expect.poll(() => house.upstream.openConnections).toBe(0);
    expect(house.events.at(-1)).toMatchObject({ reason: 'upstream_timeout', status: 504 });
    await expectFineForOthers();
  });

  it.each([
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a"'],
    ['chunks', `${stream}8\r\ndata: 1\n\r\n5\r\ndat`],
  ])('184: a reset in the middle of %s ends the answer early, for all to see', async (_what, bytes) => {
    house.upstream.answer = (_, socket) => {
      socket.write(bytes, () => setImmediate(() => socket.resetAndDestroy()));
    };
    const raw = house.connect();
    raw.socket.write(request('GET'));
    await raw.closed;
    expect(raw.received()).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(raw.received()).not.toContain('{"a":1}');
    expect(house.events).toContainEqual({ type: 'upstream_failed', kind: 'reset' });
    await expectFineForOthers();
  });

  it.each(['POST', 'GET'])(
    '184: a client that leaves frees the upstream, before an answer to its %s',
    async (method) => {
      house.upstream.answer = () => new Promise(() => undefined);
      const raw = house.connect();
      raw.socket.write(request(method));
      await expect.poll(() => house.upstream.requests.length).toBe(1);
      raw.socket.destroy();
      await expect.poll(() => house.upstream.openConnections).toBe(0);
      await expectFineForOthers();
    },
  );

  it('184: a client that leaves frees the upstream, in the middle of a stream', async () => {
    house.upstream.answer = (_, socket) => {
      socket.write(`${stream}8\r\ndata: 1\n\r\n`);
      return new Promise(() => undefined);
    };
    const raw = house.connect();
    raw.socket.write(request('GET'));
    await raw.until(/data: 1/);
    raw.socket.destroy();
    await expect.poll(() => house.upstream.openConnections).toBe(0);
    await expectFineForOthers();
  });

  /** An answer without end, as fast as it is taken. */
  function answerWithoutEnd(start: string): { readonly sentMegabytes: number } {
    const progress = { sentMegabytes: 0 };
    house.upstream.answer = (_, socket) => {
      socket.write(start);
      const send = (): void => {
        while (!socket.destroyed) {
          progress.sentMegabytes += 1;
          if (!socket.write(megabyte)) return void socket.once('drain', send);
        }
      };
      send();
      return new Promise(() => undefined);
    };
    return progress;
  }

  it.each([
    [
      '184: one answer',
      'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900000000000\r\n\r\n',
    ],
    ['185: one event', 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: '],
  ])('%s without end waits for a client that does not read it', async (_what, start) => {
    const progress = answerWithoutEnd(start);
    const socket = connect(house.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.pause();
    socket.write(request('GET'));
    // Buffers of the operating system fill up; after that nothing moves.
    let before = -1;
    while (before !== progress.sentMegabytes || before === 0) {
      before = progress.sentMegabytes;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(progress.sentMegabytes).toBeLessThan(40);
    await expectFineForOthers();
    socket.destroy();
    await expect.poll(() => house.upstream.openConnections).toBeLessThanOrEqual(1);
  });

  it('185: one event of 100 MB arrives byte for byte', async () => {
    const bytes = 100;
    house.upstream.answer = async (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ');
      for (let count = 0; count < bytes; count += 1) {
        if (!socket.write(megabyte)) await once(socket, 'drain');
      }
      socket.end('\n\n');
    };
    let received = 0;
    const answer = await house.call({ method: 'GET' });
    for await (const chunk of answer.message) received += (chunk as Buffer).length;
    expect(received).toBe(6 + bytes * megabyte.length + 2);
    await expectFineForOthers();
  });

  it('185: a chunk extension without end is cut off', async () => {
    house.upstream.answer = (_, socket) => {
      socket.write(`${stream}2;`);
      const send = (): void => {
        while (!socket.destroyed) if (!socket.write(megabyte)) return void socket.once('drain', send);
      };
      send();
    };
    const raw = house.connect();
    raw.socket.write(request('GET'));
    await raw.closed;
    expect(raw.received()).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(house.events).toContainEqual({ type: 'upstream_failed', kind: 'malformed' });
    await expectFineForOthers();
  });
});
