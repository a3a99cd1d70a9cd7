import { describe, expect, it } from 'vitest';

import { checkPolicy, type PolicyQuestion } from './check-policy.ts';
import { CommandFailure } from './failure.ts';

const file = `
mounts:
  - name: files
    url: /files/mcp
    upstream: http://127.0.0.1:3001/mcp
    scopes:
      read: { default: true }
      write: { includes: [read] }
    policy:
      default: deny
      rules:
        - name: readers
          allow: { tools: ['read_*'], prompts: [hello] }
          to: { subjects: [alice, { issuer: 'https://other.test', subject: bob }] }
          scopes: [read]
        - name: the app
          allow: { methods: ['tasks/*'] }
          to: { clients: ['https://app.test/client.json'] }
        - name: nobody
          deny: { resources: ['*'] }
  - name: open
    url: /open/mcp
    upstream: http://127.0.0.1:3002/mcp
`;

function ask(question: PolicyQuestion, text = file): string {
  return checkPolicy({ config: 'gatehouse.yaml', mount: 'files', ...question }, () => text).text;
}

function failureOf(question: PolicyQuestion, text = file): string {
  try {
    ask(question, text);
  } catch (error) {
    if (error instanceof CommandFailure) return `${error.message}; ${error.hint}`;
  }
  throw new Error('answered');
}

describe('checkPolicy', () => {
  it('says what is decided, by what and why', () => {
    expect(ask({ subject: 'alice', scope: 'write', tool: 'read_a' })).toBe(
      [
        'allowed',
        '  decided by  readers',
        '  since       the rule allows it, and no other denies it',
        '  mount       files',
        '  call        tools/call read_a',
        '  as          subject alice, scopes write',
        '',
      ].join('\n'),
    );
  });

  it.each<[PolicyQuestion, string, string]>([
    [{ subject: 'alice', tool: 'read_a' }, 'denied for want of scopes', 'tokens with read;'],
    [{ subject: 'bob', scope: 'read', tool: 'read_a' }, 'denied', 'the default is deny'],
    [{ subject: 'bob', issuer: 'https://other.test', scope: 'read', prompt: 'hello' }, 'allowed', 'readers'],
    [{ client: 'https://app.test/client.json', method: 'tasks/get' }, 'allowed', 'the app'],
    [{ client: 'https://app.test/other.json', method: 'tasks/get' }, 'denied', '(default)'],
    [{ as: 'a@example.com', resource: 'x:y' }, 'denied', 'a denial that fits decides'],
    [{ method: 'ping' }, 'allowed', 'anybody'],
    [{ mount: 'open', tool: 'anything' }, 'allowed', '(no policy)'],
  ])('%j', (question, title, part) => {
    const text = ask(question);
    expect(text.split('\n')[0]).toBe(title);
    expect(text).toContain(part);
  });

  it.each<[PolicyQuestion, string]>([
    [{}, 'no call is named; give one of --tool, --prompt, --resource and --method'],
    [
      { tool: 'a', prompt: 'b' },
      'several calls are named; give one of --tool, --prompt, --resource and --method',
    ],
    [{ method: 'tools/call' }, 'tools/call is decided on by what it is about; give --tool instead'],
    [{ mount: 'other', tool: 'a' }, 'there is no mount of that name; give --mount with one of: files, open'],
  ])('%j is no question', (question, failure) => {
    expect(failureOf(question)).toBe(failure);
  });

  it('answers no question about a file that is not good', () => {
    expect(failureOf({ tool: 'a' }, 'mounts: 7')).toContain('the configuration file is not good');
    expect(() => checkPolicy({ tool: 'a' }, () => file)).toThrow('no file is named');
    const unreadable = (): string => {
      throw new Error('no');
    };
    expect(() => checkPolicy({ config: 'x', tool: 'a' }, unreadable)).toThrow('cannot be read');
  });
});
