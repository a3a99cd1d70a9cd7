import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { fileRules } from '../support/policy-rules.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

const space = fc.constantFrom('', ' ', '\t', '\r\n', '\n  ');
const tool = fc.constantFrom(
  'read_a',
  'read_secret',
  'write_a',
  'list',
  'delete',
  'read_é',
  'read_\u{1F600}',
);

function spell(text: string, isEscaped: boolean): string {
  if (!isEscaped) return JSON.stringify(text);
  const units = Array.from({ length: text.length }, (_, at) =>
    text.charCodeAt(at).toString(16).padStart(4, '0'),
  );
  return `"${units.map((unit) => String.raw`\u${unit}`).join('')}"`;
}

const body = fc
  .record({
    tool,
    isEscaped: fc.boolean(),
    space,
    args: fc.json({ depthSize: 'small' }),
    isFirst: fc.boolean(),
  })
  .map(({ tool: name, isEscaped, space: gap, args, isFirst }) => {
    const members = [`"name"${gap}:${spell(name, isEscaped)}`, `${gap}"arguments":${gap}${args}`];
    const params = (isFirst ? members : members.toReversed()).join(`${gap},`);
    const text = `${gap}{"jsonrpc":"2.0",${gap}"id":1,"params":{${params}${gap}},"method":"tools/call"${gap}}${gap}`;
    return { name, text };
  });

describe.each(lanes)('a call that the policy lets through, on the %s', (_lane, env) => {
  let house: AttackedHouse<RecordingUpstream>;

  beforeAll(async () => {
    house = await startAttackedHouse(await startRecordingUpstream(), env, {
      mounts: (only) => [{ ...only, policy: fileRules }],
    });
    house.upstream.answer = replyJson({ jsonrpc: '2.0', id: 1, result: {} });
  });

  afterAll(async () => {
    expect(house.internalErrors()).toEqual([]);
    await house.close();
  });

  it('is the call that arrives, byte for byte, and no other arrives', async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.boolean(), async ({ name, text }, isChunked) => {
        const before = house.upstream.requests.length;
        const headers: Record<string, string> = isChunked ? { 'transfer-encoding': 'chunked' } : {};
        const { status } = await house.call({ body: text, headers });
        const isAllowed = name.startsWith('read_') ? name !== 'read_secret' : name === 'list';
        // What has a member name twice is refused as a body, whatever it asks for.
        if (status !== 400) expect(status).toBe(isAllowed ? 200 : 403);
        const arrived = house.upstream.requests.slice(before);
        expect(arrived.length).toBe(status === 200 ? 1 : 0);
        for (const request of arrived) {
          expect(Buffer.from(request.body(), 'latin1').toString()).toBe(text);
          expect((JSON.parse(text) as { params: { name: string } }).params.name).toBe(name);
        }
      }),
      { numRuns: 80 },
    );
  });
});
