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

function ask(question: PolicyQuestion, text = file, env: Readonly<Record<string, string>> = {}): string {
  return checkPolicy({ config: 'gatehouse.yaml', mount: 'files', ...question }, () => text, env).text;
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

  it.each<[PolicyQuestion, string]>([
    [{ tool: 'a', scope: 'read,wrte' }, 'the mount has no scope wrte; it has: read write'],
    [
      { mount: 'open', tool: 'a', scope: 'read' },
      'the mount has no scope read; leave --scope out: it has none',
    ],
    [
      { tool: 'a', as: 'ann' },
      '--as is no e-mail address; write it whole, such as ann@example.com; a sub goes to --subject',
    ],
  ])('takes no word for another: %j', (question, failure) => {
    expect(failureOf(question)).toBe(failure);
  });

  it.each(['read write', 'write,read', ' read,  write '])('reads the scopes %j', (scope) => {
    expect(ask({ subject: 'alice', tool: 'read_a', scope }).split('\n')[0]).toBe('allowed');
  });
});

describe('checkPolicy, of who may enter', () => {
  const entered = `
entry:
  groups: { any: [staff] }
  subjects: { deny: [mallory] }
  acr: [high]
mounts:
  - name: files
    url: /files/mcp
    upstream: http://127.0.0.1:3001/mcp
    entry: { domains: { allow: [example.com] }, max_authentication_age: 1h }
clients:
  - client_id: batch
    name: Batch
    token_endpoint_auth_method: client_secret_basic
    client_secret_sha256: '${'a'.repeat(64)}'
    grant_types: [client_credentials]
`;
  const ann = { as: 'ann@example.com', groups: 'staff', acr: 'high', loginAge: '30m', tool: 'a' };

  it.each<[PolicyQuestion, string, string]>([
    [ann, 'allowed', '(no policy)'],
    [{ ...ann, groups: 'sales' }, 'denied', 'entry.groups'],
    [{ ...ann, subject: 'mallory' }, 'denied', 'entry.subjects'],
    [{ ...ann, issuer: 'https://other.test' }, 'denied', 'entry.groups'],
    [{ ...ann, acr: 'low' }, 'denied', 'entry.acr'],
    [{ ...ann, as: 'ann@partner.test' }, 'denied', 'mounts[0].entry.domains'],
    [{ ...ann, loginAge: '2h' }, 'denied', 'mounts[0].entry.max_authentication_age'],
    [{ tool: 'a' }, 'denied', 'entry.groups'],
    [{ client: 'batch', tool: 'a' }, 'allowed', 'client batch, for itself'],
    [{ client: 'batch', groups: 'sales', tool: 'a' }, 'denied', 'entry.groups'],
  ])('%j', (question, title, part) => {
    const text = ask(question, entered);
    expect(text.split('\n')[0]).toBe(title);
    expect(text).toContain(part);
    expect(text).not.toContain('provided');
  });

  it('says that it does not know how somebody logged in, unless it is given', () => {
    const { acr: _, loginAge: __, ...rest } = ann;
    expect(ask(rest, entered)).toContain(
      'provided    the login satisfies entry.acr, mounts[0].entry.max_authentication_age, which is not known here',
    );
    expect(ask({ ...rest, groups: 'sales' }, entered)).not.toContain('provided');
    expect(failureOf({ ...ann, loginAge: 'long' }, entered)).toContain('--login-age is not a duration');
  });

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['', { ALLOWED_GROUPS: 'admins' }, 'ALLOWED_GROUPS'],
    ['settings: { ALLOWED_GROUPS: [admins] }', {}, 'ALLOWED_GROUPS'],
    ['settings: { ALLOWED_GROUPS: [admins, staff] }', {}, '(no policy)'],
  ])('counts the groups that may log in: %j %j', (settings, env, decidedBy) => {
    expect(ask(ann, `${settings}${entered}`, env)).toContain(`decided by  ${decidedBy}`);
  });

  it('knows the provider that rules mean without an issuer', () => {
    const providers = `identity_providers:
  - { name: one, oidc_issuer_url: "https://one.test", oidc_client_id: a, oidc_client_secret_file: /a }
  - { name: two, oidc_issuer_url: "https://two.test", oidc_client_id: a, oidc_client_secret_file: /a }
`.replaceAll('oidc_', '');
    const text = `${providers}${entered}`;
    expect(ask({ ...ann, issuer: 'https://one.test' }, text)).toContain('(no policy)');
    expect(ask({ ...ann, issuer: 'https://two.test' }, text)).toContain('entry.groups');
  });
});

describe('checkPolicy, of what a client may have', () => {
  const limited = `
mounts:
  - name: files
    url: /files/mcp
    upstream: http://127.0.0.1:3001/mcp
    scopes:
      read: { default: true, required: true }
      write: { includes: [read] }
      admin: {}
    policy:
      default: deny
      rules:
        - { name: writing, allow: { tools: ['write_*'] }, scopes: [write] }
        - { name: reading, allow: { tools: ['read_*'] } }
  - { name: other, url: /other, upstream: "http://127.0.0.1:3001/mcp", scopes: { admin: { default: true } } }
clients:
  - client_id: app
    name: App
    token_endpoint_auth_method: none
    redirect_uris: ["http://127.0.0.1/callback"]
    mounts: [files]
    scopes: [read]
  - client_id: wide
    name: Wide
    token_endpoint_auth_method: none
    redirect_uris: ["http://127.0.0.1/callback"]
    scopes: [write]
`;

  it.each<[PolicyQuestion, string, string]>([
    [{ client: 'app', scope: 'read', tool: 'read_a' }, 'allowed', 'reading'],
    [{ client: 'app', tool: 'read_a' }, 'denied for want of scopes', '(required scopes)'],
    [{ client: 'app', scope: 'read', tool: 'write_a' }, 'denied', 'the client never gets all of them'],
    [{ client: 'app', scope: 'read write', tool: 'write_a' }, 'denied', 'never gets  write'],
    [{ client: 'app', scope: 'write', tool: 'write_a' }, 'denied', 'clients[0].scopes'],
    [{ client: 'app', mount: 'other', tool: 'a' }, 'denied', 'clients[0].mounts'],
    [{ client: 'wide', mount: 'other', tool: 'a' }, 'denied', 'clients[1].scopes'],
    [{ client: 'wide', scope: 'write', tool: 'write_a' }, 'allowed', 'writing'],
    [{ client: 'wide', scope: 'read', tool: 'write_a' }, 'denied for want of scopes', 'writing'],
    [{ client: 'another', scope: 'write', tool: 'write_a' }, 'allowed', 'writing'],
    [{ scope: 'read', tool: 'write_a' }, 'denied for want of scopes', 'writing'],
  ])('%j', (question, title, part) => {
    const text = ask(question, limited);
    expect(text.split('\n')[0]).toBe(title);
    expect(text).toContain(part);
  });
});
