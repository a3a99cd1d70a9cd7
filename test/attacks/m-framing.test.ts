import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { type AnswerAttack, answerAttacks, poison } from '../support/answer-attacks.ts';
import { answerWithEcho, startStrictUpstream, type StrictUpstream } from '../support/strict-upstream.ts';

const rows = answerAttacks.map((attack) => [attack.name, attack] as const);

describe.each(lanes)('answers that two readers could cut differently, on the %s', (_lane, env) => {
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

  function answerWith({ bytes, ends }: AnswerAttack): void {
    house.upstream.answer = (_, socket) => {
      if (ends) socket.end(bytes, 'latin1');
      else socket.write(bytes, 'latin1');
    };
  }

  /** Sends a call; resolves with all that came back until its connection was closed, for which it asks. */
  async function call(): Promise<string> {
    const raw = house.connect();
    raw.socket.write(
      'POST /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nConnection: close\r\n' +
        `Authorization: Bearer ${house.issue()}\r\nContent-Length: 2\r\n\r\n{}`,
    );
    await raw.closed;
    return raw.received();
  }

  it.each(rows)('181: %s', async (name, attack) => {
    answerWith(attack);
    const [heard, events] = [house.upstream.requests.length, house.events.length];
    const text = await call();
    expect(text).not.toContain('poison');
    expect(text).not.toMatch(/set-cookie/i);
    expect(house.upstream.requests).toHaveLength(heard + 1);
    if (attack.verdict === 'passed') {
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(readBody(text)).toBe('{}');
    } else {
      expect(house.events.slice(events).filter(({ type }) => type === 'upstream_failed')).toHaveLength(1);
      if (attack.verdict === 'refused' || text.startsWith('HTTP/1.1 502 ')) {
        expect(text).toMatch(/^HTTP\/1\.1 502 [^]*"error":"bad_gateway"/);
      } else {
        expect(isWhole(text)).toBe(false);
      }
    }
    await expectFineForOthers(name);
  });

  /** Whoever comes next gets the answer to their own call, and not what is left of this one. */
  async function expectFineForOthers(name: string): Promise<void> {
    house.upstream.answer = answerWithEcho;
    for (const turn of [1, 2, 3]) {
      const body = JSON.stringify({ after: name, turn });
      const answer = await house.call({ body, bearer: house.issue({ subject: 'bob' }) });
      const got = await answer.text();
      expect(got).not.toContain(poison);
      expect(JSON.parse(got)).toEqual({ method: 'POST', target: '/mcp', body });
    }
  }

  it('181: a 204 that calls itself a stream of events has no body that the next answer begins with', async () => {
    house.upstream.answer = ({ method }, socket) => {
      if (method === 'POST') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
      else socket.write('HTTP/1.1 204 No Content\r\nContent-Type: text/event-stream\r\n\r\n');
    };
    const common = `Host: gatehouse.test\r\nAuthorization: Bearer ${house.issue()}\r\n`;
    const raw = house.connect();
    raw.socket.write(
      `GET /mcp HTTP/1.1\r\n${common}\r\n` +
        `POST /mcp HTTP/1.1\r\n${common}Connection: close\r\nContent-Length: 2\r\n\r\n{}`,
    );
    await raw.closed;
    expect(raw.received()).toMatch(/^HTTP\/1\.1 204 No Content\r\n(?:[^\r]+\r\n)+\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(raw.received()).not.toMatch(/transfer-encoding/i);
  });

  it('181: interim answers without end are not passed on, and no others wait for them', async () => {
    house.upstream.answer = (_, socket) => {
      socket.end('HTTP/1.1 100 Continue\r\n\r\n'.repeat(20_000), 'latin1');
    };
    expect(await call()).toMatch(/^HTTP\/1\.1 502 [^]*"error":"bad_gateway"/);
    await expectFineForOthers('interim answers');
  });

  it('181: a 204 has no body, whatever comes behind it', async () => {
    house.upstream.answer = (_, socket) => {
      socket.write(`HTTP/1.1 204 No Content\r\nContent-Length: ${poison.length}\r\n\r\n${poison}`);
    };
    const text = await call();
    expect(text).toMatch(/^HTTP\/1\.1 (?:204|502) /);
    expect(text).not.toContain('poison');
    if (text.startsWith('HTTP/1.1 204 ')) expect(text).not.toMatch(/content-length|transfer-encoding/i);
    await expectFineForOthers('204');
  });
});

function readBody(text: string): string {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  if (!/^transfer-encoding: chunked\r?$/im.test(head)) return body;
  return text
    .slice(head.length + 4)
    .split(/^[0-9a-f]+\r\n/im)
    .join('')
    .replaceAll('\r\n', '');
}

/** Whether a client would take it for the whole answer. */
function isWhole(text: string): boolean {
  const [head = ''] = text.split('\r\n\r\n', 1);
  const body = text.slice(head.length + 4);
  const length = /^content-length: (\d+)\r?$/im.exec(head)?.[1];
  if (length !== undefined) return body.length >= Number(length);
  return body.endsWith('0\r\n\r\n');
}
