import { afterEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

describe.each(lanes)('a session of the upstream, on the %s', (_lane, lane) => {
  const houses: AttackedHouse<RecordingUpstream>[] = [];

  afterEach(async () => {
    for (const house of houses.splice(0)) {
      expect(house.internalErrors()).toEqual([]);
      await house.close();
    }
  });

  async function open(env: Readonly<Record<string, string>> = {}): Promise<AttackedHouse<RecordingUpstream>> {
    const upstream = await startRecordingUpstream();
    let opened = 0;
    upstream.answer = (request, socket) => {
      const [present = `session-${(opened += 1)}`] = request.header('mcp-session-id');
      return replyJson({ ok: true }, { 'Mcp-Session-Id': present })(request, socket);
    };
    const house = await startAttackedHouse(upstream, { ...lane, ...env });
    houses.push(house);
    return house;
  }

  async function begin(house: AttackedHouse<RecordingUpstream>, bearer: string): Promise<string> {
    const answer = await house.call({ bearer, body: '{"jsonrpc":"2.0","id":1,"method":"initialize"}' });
    expect(answer.status).toBe(200);
    return String(answer.headers['mcp-session-id']);
  }

  it('148: is its own, whatever tokens the client has meanwhile, and the upstream knows it by its own name', async () => {
    const house = await open();
    const session = await begin(house, house.issue({ subject: 'alice', grantId: 'one' }));
    const later = house.issue({ subject: 'alice', grantId: 'two', groups: ['new'] });

    for (const call of [{ body: '{}' }, { method: 'GET' }, { method: 'DELETE' }]) {
      const answer = await house.call({ ...call, bearer: later, headers: { 'mcp-session-id': session } });
      expect(answer.status).toBe(200);
      expect(answer.headers['mcp-session-id']).toBe(session);
      expect(house.upstream.requests.at(-1)?.header('mcp-session-id')).toEqual(['session-1']);
    }
  });

  it.each(['POST', 'GET', 'DELETE'])("148: is no one else's, by %s", async (method) => {
    const house = await open();
    const session = await begin(house, house.issue({ subject: 'alice' }));
    const mallory = house.issue({ subject: 'mallory', grantId: 'other' });
    const otherClient = house.issue({ client: 'other' as AttackedHouse<never>['terms']['client'] });
    const own = await begin(house, mallory);
    const forged = session.slice(0, -27) + own.slice(-27);
    expect(house.upstream.requests).toHaveLength(2);

    for (const [bearer, stolen] of [
      [mallory, session],
      [mallory, 'session-1'],
      [mallory, forged],
      [mallory, ''],
      [mallory, `${own}, ${session}`],
      [otherClient, session],
    ] as const) {
      const answer = await house.call({
        method,
        bearer,
        // A newer revision knows no sessions; an upstream of both eras may look all the same.
        headers: { 'mcp-session-id': stolen, 'mcp-protocol-version': '2026-07-28' },
        ...(method === 'POST' ? { body: '{}' } : {}),
      });
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ error: 'not_found' });
      expect(house.events.at(-1)).toMatchObject({ type: 'request_refused', reason: 'session_foreign' });
    }
    expect(house.upstream.requests).toHaveLength(2);
    expect(
      (await house.call({ bearer: mallory, body: '{}', headers: { 'mcp-session-id': own } })).status,
    ).toBe(200);
  });

  it('148: is found again by another process', async () => {
    const house = await open();
    const session = await begin(house, house.issue());
    const replica = await open();
    const headers = { 'mcp-session-id': session };

    expect((await replica.call({ body: '{}', headers })).status).toBe(200);
    expect(replica.upstream.requests.at(-1)?.header('mcp-session-id')).toEqual(['session-1']);
    expect(
      (await replica.call({ bearer: replica.issue({ subject: 'mallory' }), body: '{}', headers })).status,
    ).toBe(404);
  });

  it('148: comes in one line, or the call goes nowhere', async () => {
    const house = await open();
    const session = await begin(house, house.issue());
    const answer = await house.call({ body: '{}', headers: { 'mcp-session-id': [session, session] } });

    expect(answer.status).toBe(400);
    expect(house.upstream.requests).toHaveLength(1);
  });

  it("is anybody's who knows it where the operator says so", async () => {
    const house = await open({ SESSION_BINDING: 'off' });
    expect(await begin(house, house.issue())).toBe('session-1');
    const mallory = house.issue({ subject: 'mallory' });
    const answer = await house.call({
      bearer: mallory,
      body: '{}',
      headers: { 'mcp-session-id': 'session-1' },
    });

    expect(answer.status).toBe(200);
    expect(house.upstream.requests.at(-1)?.header('mcp-session-id')).toEqual(['session-1']);
  });
});
