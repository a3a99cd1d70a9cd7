import { afterEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { type CallAnswer, callPort } from '../support/mount-client.ts';
import { startStrictUpstream, type StrictUpstream } from '../support/strict-upstream.ts';

describe.each(lanes)('whoever has a good token, on the %s', (_lane, lane) => {
  const houses: AttackedHouse<StrictUpstream>[] = [];

  afterEach(async () => {
    for (const house of houses.splice(0)) {
      expect(house.upstream.complaints).toEqual([]);
      expect(house.internalErrors()).toEqual([]);
      await house.close();
    }
  });

  async function open(env: Readonly<Record<string, string>> = {}): Promise<AttackedHouse<StrictUpstream>> {
    const house = await startAttackedHouse(await startStrictUpstream(), { ...lane, ...env });
    houses.push(house);
    return house;
  }

  async function expectRefused(house: AttackedHouse<StrictUpstream>, answer: CallAnswer): Promise<void> {
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(house.events.at(-1)).toMatchObject({ type: 'request_refused', endpoint: 'mcp', status: 401 });
    expect(house.upstream.received).toEqual([]);
  }

  it('144: has none for a neighbour that shares the sealing secret', async () => {
    const one = await open();
    const other = await open({ PROXY_BASE_URL: 'https://other.test' });
    const token = one.issue();
    expect((await one.call({ bearer: token, body: '{}' })).status).toBe(200);
    await expectRefused(other, await callPort(other.port, { bearer: token, body: '{}' }, other.issue));
    expect((await other.call({ body: '{}' })).status).toBe(200);
  });

  it.each(['/mcp2', '/mcp/admin', '/', '', '/MCP', '/mcp/'])(
    '144: has none for another mount of the same house: %j',
    async (mount) => {
      const house = await open();
      const token = house.issue({ resource: `https://gatehouse.test${mount}` });
      await expectRefused(house, await house.call({ bearer: token, body: '{}' }));
      expect((await house.call({ body: '{}' })).status).toBe(200);
    },
  );

  it('149: gets the answer to their own call, among a thousand with the same JSON-RPC id from fifty people', async () => {
    const house = await open({ MCP_PER_SUBJECT_CONCURRENCY: '0' });
    const answerLater = house.upstream.answer;
    let seed = 149;
    house.upstream.answer = async (request, socket) => {
      // In another order than they came.
      seed = (seed * 48_271) % 2_147_483_647;
      for (let turns = seed % 7; turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
      await answerLater(request, socket);
    };
    const call = async (at: number): Promise<void> => {
      const bearer = house.issue({ subject: `person-${at % 50}`, grantId: `grant-${at % 50}` });
      const body = JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: `tool-${at}` },
      });
      const answer = await house.call({ bearer, body });
      expect(await answer.json()).toEqual({ method: 'POST', target: '/mcp', body });
    };
    for (let from = 0; from < 1000; from += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, at) => call(from + at)));
    }
    expect(house.upstream.requests).toHaveLength(1000);
    for (const { body, header } of house.upstream.requests) {
      const [, at] = /tool-(\d+)/.exec(body) ?? [];
      expect(header('x-user-sub')).toEqual([`person-${Number(at) % 50}`]);
    }
  });
});
