import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { startStrictUpstream, type StrictUpstream } from '../support/strict-upstream.ts';

describe.each(lanes)('heads that are too large, on the %s', (_lane, env) => {
  let house: AttackedHouse<StrictUpstream>;

  beforeAll(async () => {
    house = await startAttackedHouse(await startStrictUpstream(), env);
  });

  afterAll(async () => {
    expect(house.upstream.complaints).toEqual([]);
    expect(house.internalErrors()).toEqual([]);
    await house.close();
  });

  /** A call with this target and these lines, and all that comes back until its connection is closed. */
  async function get(target: string, lines: string): Promise<string> {
    const raw = house.connect();
    raw.socket.write(
      `GET ${target} HTTP/1.1\r\nHost: gatehouse.test\r\nConnection: close\r\n` +
        `Authorization: Bearer ${house.issue()}\r\n${lines}\r\n`,
    );
    await raw.closed;
    return raw.received();
  }

  async function expectFineForOthers(): Promise<void> {
    const body = '{"after":1}';
    const answer = await house.call({ body, bearer: house.issue({ subject: 'bob' }) });
    expect(await answer.json()).toEqual({ method: 'POST', target: '/mcp', body });
  }

  /** Lines: `Host`, `Connection`, `Authorization`, and these. */
  const lines = (count: number): string =>
    Array.from({ length: count }, (_, at) => `X-${at}: 1\r\n`).join('');

  const tooLarge: readonly (readonly [what: string, target: string, lines: string])[] = [
    ['16 kB of target', `/mcp?${'x'.repeat(16_384)}`, ''],
    ['16 kB in one line', '/mcp', `X-A: ${'b'.repeat(16_384)}\r\n`],
    ['16 kB in one name', '/mcp', `${'X'.repeat(16_384)}: b\r\n`],
    ['a cookie of 1 MB', '/mcp', `Cookie: a=${'b'.repeat(1_000_000)}\r\n`],
    ['101 lines', '/mcp', lines(98)],
    ['1,000 lines', '/mcp', lines(997)],
    ['1,001 lines', '/mcp', lines(998)],
    ['1,001 lines with our own name in the last', '/mcp', `${lines(997)}X-User-Sub: root\r\n`],
    ['10,000 lines', '/mcp', lines(9997)],
    ['101 lines that are empty', '/mcp', 'A:\r\n'.repeat(98)],
  ];

  it.each(tooLarge)('173: %s are refused, not cut short', async (_what, target, more) => {
    const [heard, events] = [house.upstream.received.join('').length, house.events.length];
    const text = await get(target, more);
    expect(text).toMatch(/^HTTP\/1\.1 431 [^]*\r\nConnection: close\r\n[^]*"error":"invalid_request"/);
    expect(house.events.slice(events)).toEqual([
      { type: 'request_refused', endpoint: 'other', reason: 'headers_too_large', status: 431 },
    ]);
    expect(house.upstream.received.join('').length).toBe(heard);
    await expectFineForOthers();
  });

  it('173: a target of more than 8 kB is a 414', async () => {
    const [heard, events] = [house.upstream.received.join('').length, house.events.length];
    const text = await get(`/mcp?${'x'.repeat(8192)}`, '');
    expect(text).toMatch(/^HTTP\/1\.1 414 [^]*"error":"invalid_request"/);
    expect(house.events.slice(events)).toEqual([
      { type: 'request_refused', endpoint: 'mcp', reason: 'target_malformed', status: 414 },
    ]);
    expect(house.upstream.received.join('').length).toBe(heard);
    await expectFineForOthers();
  });

  it('173: what is just below is taken whole', async () => {
    const target = `/mcp?${'x'.repeat(8192 - 5)}`;
    const [heard] = [house.upstream.requests.length];
    expect(await get(target, lines(97))).toMatch(/^HTTP\/1\.1 200 /);
    expect(await get('/mcp', `Accept: ${'b'.repeat(14_000)}\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
    const [first, second] = house.upstream.requests.slice(heard);
    expect(first?.target).toBe(target);
    expect(second?.header('accept')).toEqual(['b'.repeat(14_000)]);
    await expectFineForOthers();
  });

  it('173: a trailer that is too large is refused as a head is', async () => {
    const heard = house.upstream.requests.length;
    const raw = house.connect();
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${house.issue()}\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n${`X-A: ${'b'.repeat(1000)}\r\n`.repeat(40)}\r\n`,
    );
    await raw.closed;
    expect(raw.received()).toMatch(/^HTTP\/1\.1 431 /);
    expect(house.upstream.requests).toHaveLength(heard);
    await expectFineForOthers();
  });
});
