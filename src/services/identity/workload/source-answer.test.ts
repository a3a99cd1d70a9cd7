import { describe, expect, it } from 'vitest';

import { OutboundError } from '../../../platform/outbound/outbound-error.ts';
import { readAnswer, readMember } from './source-answer.ts';

describe('readAnswer', () => {
  it('takes the text of a 200', async () => {
    const answer = await readAnswer(Promise.resolve(new Response('token', { headers: { flavor: 'plain' } })));
    expect([answer.text, answer.headers.get('flavor')]).toEqual(['token', 'plain']);
  });

  it.each([
    [201, 'malformed'],
    [302, 'malformed'],
    [307, 'malformed'],
    [400, 'refused'],
    [401, 'refused'],
    [429, 'unanswered'],
    [500, 'unanswered'],
  ])('takes nothing of a %s, whatever it has', async (status, kind) => {
    const answer = readAnswer(Promise.resolve(new Response('token', { status })));
    await expect(answer).rejects.toMatchObject({ code: `client_token_${kind}` });
  });

  it.each([
    ['too-large', 'malformed'],
    ['encoding', 'malformed'],
    ['timeout', 'unanswered'],
    ['network', 'unanswered'],
  ] as const)('tells apart why there was no answer: %s', async (kind, code) => {
    const answer = readAnswer(Promise.reject(new OutboundError(kind, 'CANARY')));
    await expect(answer).rejects.toMatchObject({ code: `client_token_${code}` });
    await expect(answer).rejects.not.toThrow('CANARY');
  });
});

describe('readMember', () => {
  it('takes a member of an object', () => {
    expect(readMember('{"value":"token"}', 'value')).toBe('token');
    expect(readMember('{}', 'value')).toBeUndefined();
  });

  it.each(['', 'CANARY', '"value"', 'null'])('refuses %j, and says nothing of it', (text) => {
    expect(() => readMember(text, 'value')).toThrow('client_token_malformed');
  });
});
