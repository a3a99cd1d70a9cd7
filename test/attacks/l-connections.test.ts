import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { answerWithEcho, startStrictUpstream, type StrictUpstream } from '../support/strict-upstream.ts';

describe.each(lanes)('a connection that is asked too much, on the %s', (_lane, env) => {
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

  /** What is told of a connection that was cut. */
  const cut = { type: 'request_refused', endpoint: 'other', reason: 'pipelining_excessive', status: 429 };

  const call = (body: string, lines = ''): string =>
    `POST /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${house.issue()}\r\n${lines}` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;

  async function expectFineForOthers(): Promise<void> {
    house.upstream.answer = answerWithEcho;
    // Alice herself: no place of hers is taken any more.
    await expect.poll(async () => (await house.call({ body: '{"after":1}' })).status).toBe(200);
  }

  it('169: answers a few requests that come at once, in their order', async () => {
    const raw = house.connect();
    const bodies = Array.from({ length: 12 }, (_, at) => `{"id":${at}}`);
    raw.socket.write(bodies.map((body) => call(body)).join(''));
    const text = await raw.until(/\{\\"id\\":11\}"\}$/);
    expect([...text.matchAll(/\\"id\\":(\d+)/g)].map(([, id]) => Number(id))).toEqual(
      bodies.map((_, at) => at),
    );
    raw.socket.destroy();
    await expectFineForOthers();
  });

  it('169: gets 5,000 requests at once into no more of them under way than a person may have', async () => {
    const events = house.events.length;
    let [underWay, peak] = [0, 0];
    house.upstream.answer = async (request, socket) => {
      underWay += 1;
      peak = Math.max(peak, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      await answerWithEcho(request, socket);
    };
    const raw = house.connect();
    const bodies = Array.from({ length: 5000 }, (_, at) => `{"id":${at}}`);
    raw.socket.write(
      bodies.map((body, at) => call(body, at === 4999 ? 'Connection: close\r\n' : '')).join(''),
    );
    await raw.closed;
    expect(peak).toBeLessThanOrEqual(16);
    const answered = [...raw.received().matchAll(/\\"id\\":(\d+)/g)].map(([, id]) => Number(id));
    expect(answered).toEqual(answered.map((_, at) => at));
    // One after the other, or cut.
    if (answered.length < bodies.length) expect(house.events.slice(events)).toContainEqual(cut);
    raw.socket.destroy();
    await expectFineForOthers();
  });

  it.each([
    ['for the mount', 'GET /mcp HTTP/1.1\r\nHost: gatehouse.test\r\n\r\n', 401],
    ['for a page', 'GET /healthz HTTP/1.1\r\nHost: gatehouse.test\r\n\r\n', 200],
  ])(
    '169: with 5,000 requests of nobody %s is answered one by one, or cut',
    async (_what, request, status) => {
      const [events, heard] = [house.events.length, house.upstream.received.join('').length];
      const raw = house.connect();
      raw.socket.write(request.repeat(5000).replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n'));
      await raw.closed;
      const statuses = [...raw.received().matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, text]) => Number(text));
      expect(new Set([...statuses, status])).toEqual(new Set([status]));
      if (statuses.length < 5000) expect(house.events.slice(events)).toContainEqual(cut);
      expect(house.upstream.received.join('').length).toBe(heard);
      await expectFineForOthers();
    },
  );

  it('169: that is left behind an answer that does not come gives its place back', async () => {
    await expect.poll(() => house.upstream.openConnections).toBeLessThanOrEqual(1);
    const [heard, events] = [house.upstream.requests.length, house.events.length];
    house.upstream.answer = () => new Promise(() => undefined);
    const raw = house.connect();
    for (let count = 0; count < 2000 && !raw.socket.destroyed; count += 1) {
      raw.socket.write(call('{}'));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(house.upstream.requests.length - heard).toBeLessThanOrEqual(16);
    expect(house.events.slice(events)).toContainEqual(cut);
    raw.socket.destroy();
    await expect.poll(() => house.upstream.openConnections, { timeout: 10_000 }).toBe(0);
    await expectFineForOthers();
  });

  it('169: ends with the answer for which its client asked to close it, and hears no more', async () => {
    const heard = house.upstream.requests.length;
    const raw = house.connect();
    raw.socket.write(call('{"last":1}', 'Connection: close\r\n'));
    await raw.until(/"\}$/);
    await raw.closed;
    expect(house.upstream.requests).toHaveLength(heard + 1);
    await expectFineForOthers();
  });
});
