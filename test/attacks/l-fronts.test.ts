import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type AttackedHouse, startAttackedHouse } from '../support/attacked-house.ts';
import { type FramingAttack, listFramingAttacks } from '../support/framing-attacks.ts';
import { hasFronts, proxiedWays, type Front } from '../support/fronts.ts';
import { listHeadAttacks } from '../support/head-attacks.ts';
import { callPort } from '../support/mount-client.ts';
import { startStrictUpstream, type StrictUpstream } from '../support/strict-upstream.ts';

const names = [...listFramingAttacks(''), ...listHeadAttacks('')].map(({ name }, at) => [name, at] as const);

/** Whatever a proxy in front makes of the bytes: it and we count the same requests, and nobody gets another's answer. */
describe.skipIf(!hasFronts).each(proxiedWays)('behind %s, on the %s', (_front, _lane, start, env) => {
  let house: AttackedHouse<StrictUpstream>;
  let front: Front;
  let attacks: readonly FramingAttack[];

  beforeAll(async () => {
    house = await startAttackedHouse(await startStrictUpstream(), env);
    front = await start(house.port);
    attacks = [...listFramingAttacks(house.issue()), ...listHeadAttacks(house.issue())];
  });

  afterAll(async () => {
    expect(house.internalErrors()).toEqual([]);
    await front.close();
    await house.close();
  });

  /** A request that ends its connection, whatever became of the bytes before it. */
  const last = (): string =>
    'GET /mcp/last HTTP/1.1\r\nHost: gatehouse.test\r\nConnection: close\r\n' +
    `Authorization: Bearer ${house.issue()}\r\n\r\n`;

  it.each(names)('163: %s', async (name, at) => {
    const heard = house.upstream.requests.length;
    const raw = house.connect(front.port);
    raw.socket.write((attacks[at] as FramingAttack).bytes + last(), 'latin1');
    await raw.closed;
    const answered = [...raw.received().matchAll(/"target":"([^"]*)"/g)].map(([, target]) => target);
    expect(house.upstream.requests.slice(heard).map(({ target }) => target)).toEqual(answered);
    // Twice: the front may have another connection to us left, and the next one takes that.
    for (const turn of [1, 2]) {
      const body = JSON.stringify({ after: name, turn });
      const bearer = house.issue({ subject: 'bob' });
      const answer = await callPort(front.port, { body, bearer }, house.issue);
      expect([answer.status, await answer.json()]).toEqual([200, { method: 'POST', target: '/mcp', body }]);
    }
    expect(house.upstream.complaints).toEqual([]);
    expect(house.upstream.requests).toHaveLength(heard + answered.length + 2);
  });
});
