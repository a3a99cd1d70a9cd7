import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  type AttackedHouse,
  lanes,
  linesBuiltAnew,
  readHeaderLines,
  startAttackedHouse,
} from '../support/attacked-house.ts';
import { type FramingAttack, listFramingAttacks, smuggled } from '../support/framing-attacks.ts';
import { listHeadAttacks } from '../support/head-attacks.ts';
import {
  type ReceivedRequest,
  startStrictUpstream,
  type StrictUpstream,
} from '../support/strict-upstream.ts';

/** Names and verdicts alone: the bytes hold a token, which only the house that is attacked can make. */
const names = [...listFramingAttacks(''), ...listHeadAttacks('')].map(({ name }, at) => [name, at] as const);
const codes = { refused: 400, 'unknown coding': 501 } as const;

describe.each(lanes)('requests that two servers could cut differently, on the %s', (_lane, env) => {
  let house: AttackedHouse<StrictUpstream>;
  let attacks: readonly FramingAttack[];

  beforeAll(async () => {
    house = await startAttackedHouse(await startStrictUpstream(), env);
    attacks = [...listFramingAttacks(house.issue()), ...listHeadAttacks(house.issue())];
  });

  afterAll(async () => {
    expect(house.internalErrors()).toEqual([]);
    await house.close();
  });

  /** A call of somebody else gets the answer to it and nothing else. */
  async function expectFineForOthers(body: string): Promise<void> {
    const answer = await house.call({ bearer: house.issue({ subject: 'bob' }), body });
    expect(await answer.json()).toEqual({ method: 'POST', target: '/mcp', body });
    expect(house.upstream.complaints).toEqual([]);
  }

  it.each(names)('163: %s', async (name, at) => {
    const { verdict, bytes } = attacks[at] as FramingAttack;
    const [heard, events] = [house.upstream.requests.length, house.events.length];
    const raw = house.connect();
    raw.socket.write(bytes, 'latin1');
    if (verdict === 'one') {
      await raw.until(/^HTTP\/1\.1 200 OK\r\n[^]*"body":"\{\}"\}$/);
      raw.socket.destroy();
      const [sent, ...others] = house.upstream.requests.slice(heard);
      expect(sent).toMatchObject({ method: 'POST', target: '/mcp', body: '{}' });
      expect(others).toEqual([]);
      const framing = sent?.framing === 'chunked' ? 'transfer-encoding: chunked' : 'content-length: 2';
      expect(readHeaderLines(sent as ReceivedRequest)).toEqual(
        linesBuiltAnew(house.upstream.origin, ['content-type: application/json', framing]),
      );
    } else {
      await raw.closed;
      const status = codes[verdict];
      expect(raw.received()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\nConnection: close\\r\\n`));
      expect(raw.received().match(/HTTP\/1\.1/g)).toHaveLength(1);
      expect(raw.received()).toContain('{"error":"invalid_request","error_description":"');
      expect(house.events.slice(events)).toEqual([
        { type: 'request_refused', endpoint: 'other', reason: 'request_malformed', status },
      ]);
      expect(house.upstream.requests.slice(heard)).toEqual([]);
    }
    await expectFineForOthers(`{"after":${JSON.stringify(name)}}`);
  });

  it('163: what follows a refused request is not heard, whatever it is refused for', async () => {
    for (const head of [
      'POST /mcp HTTP/1.1\r\nHost: a\r\nHost: b\r\n',
      'GET http://gatehouse.test/mcp HTTP/1.1\r\nHost: gatehouse.test\r\n',
      `GET /mcp HTTP/1.1\r\nHost: gatehouse.test\r\n${'X-A: b\r\n'.repeat(100)}`,
      'POST /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nExpect: tea\r\n',
    ]) {
      const heard = house.upstream.received.join('').length;
      const raw = house.connect();
      raw.socket.write(`${head}\r\n${smuggled(house.issue()).repeat(3)}`);
      await raw.closed;
      expect(raw.received().match(/HTTP\/1\.1 4\d\d /g)).toHaveLength(1);
      expect(house.upstream.received.join('').length).toBe(heard);
    }
    await expectFineForOthers('{"after":"refusals"}');
  });

  it('163: two requests in one piece are two requests, and their answers come in their order', async () => {
    const heard = house.upstream.requests.length;
    const raw = house.connect();
    const token = house.issue();
    const first = `GET /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${token}\r\n`;
    raw.socket.write(`${first}Content-Length: 0\r\n\r\n${smuggled(token)}`);
    const text = await raw.until(/"body":"\{\}"\}$/);
    expect([...text.matchAll(/"target":"([^"]*)"/g)].map(([, target]) => target)).toEqual([
      '/mcp',
      '/mcp/smuggled',
    ]);
    expect(
      house.upstream.requests
        .slice(heard)
        .map(({ target }) => target)
        .toSorted(),
    ).toEqual(['/mcp', '/mcp/smuggled']);
    await expectFineForOthers('{"after":"two"}');
  });

  it('163: one request in two pieces is one, wherever it is cut', async () => {
    const bytes = smuggled(house.issue());
    for (let at = 1; at < bytes.length; at += 1) {
      const heard = house.upstream.requests.length;
      const raw = house.connect();
      raw.socket.setNoDelay();
      raw.socket.write(bytes.slice(0, at));
      // The other piece is sent when this one has left.
      await new Promise((resolve) => setImmediate(resolve));
      raw.socket.write(bytes.slice(at));
      await raw.until(/"body":"\{\}"\}$/);
      raw.socket.destroy();
      expect(house.upstream.requests).toHaveLength(heard + 1);
    }
    await expectFineForOthers('{"after":"pieces"}');
  });
});
