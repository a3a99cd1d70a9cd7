import { describe, expect, it } from 'vitest';

import { load } from '../../../../test/support/configuration.ts';

const path = '/g.yaml';

/** Messages with that event of a file whose only mount has these keys as well. */
function warningsAbout(event: string, keys: object, rest: object = {}): readonly string[] {
  const mount = { name: 'files', url: '/files', upstream: 'http://127.0.0.1:3000/mcp', ...keys };
  const files = { [path]: JSON.stringify({ mounts: [mount], ...rest }) };
  const { warnings } = load({ UPSTREAM_MCP_URL: undefined, GATEHOUSE_CONFIG: path }, files);
  return warnings.filter((warning) => warning.event === event).map(({ message }) => message);
}

describe('patterns of a policy', () => {
  const denying = (what: object) => ({
    policy: { default: 'allow', rules: [{ name: 'no tests', deny: what }] },
  });

  it.each([
    { tools: ['^test_trigger_.*$'] },
    { tools: ['test_trigger_?'] },
    { tools: ['test trigger'] },
    { tools: ['a'.repeat(129)] },
    { prompts: ['(a|b)'] },
    { resources: ['^file:///secret/.*'] },
    { methods: ['tasks/.+'] },
  ])('are warned of where they can hardly fit: %j', (what) => {
    expect(warningsAbout('policy_pattern_unlikely', denying(what))).toEqual([
      expect.stringMatching(/^mount files, rule no tests: .* it may deny nothing$/),
    ]);
  });

  it.each([
    { tools: ['test_*', 'admin.tools.list', 'a/b-c', '*'] },
    { prompts: ['Sum up, please'] },
    { resources: ['file:///a?b=[c]', 'db://{table}'] },
    { methods: ['tasks/*', 'GET /files/(a)'] },
  ])('are taken without a word where they can: %j', (what) => {
    expect(warningsAbout('policy_pattern_unlikely', denying(what))).toEqual([]);
  });
});

describe('headers that are set', () => {
  it.each(['x-api-key', 'X-Auth-Token', 'x-secret'])('are warned of when one is a secret: %s', (name) => {
    const found = warningsAbout('secret_in_configuration', {
      request_headers: { set: { [name]: 'canary' } },
    });
    expect(found).toEqual([expect.stringContaining(`mount files sets ${name}`)]);
    expect(found.join()).not.toContain('canary');
  });

  it.each(['x-tenant', 'x-keyboard', 'x-tokens-used'])('are set without a word: %s', (name) => {
    expect(warningsAbout('secret_in_configuration', { request_headers: { set: { [name]: 'a' } } })).toEqual(
      [],
    );
  });
});

describe('scopes of a client', () => {
  const scopes = { read: { default: true }, write: {} };
  const client = {
    client_id: 'app',
    name: 'App',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1/callback'],
  };

  it.each<[object, readonly string[]]>([
    [{ scopes: ['read', 'offline_access'] }, []],
    [{}, []],
    [{ scopes: ['read', 'wrte'] }, ['client app may have wrte, which no mount has that it gets tokens for']],
  ])('are warned of when no mount has them: %j', (limits, messages) => {
    const rest = { clients: [{ ...client, ...limits }] };
    expect(warningsAbout('client_scope_unknown', { scopes }, rest)).toEqual(messages);
  });
});
