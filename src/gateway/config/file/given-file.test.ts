import { describe, expect, it } from 'vitest';

import {
  complaintsOf,
  problemsOf,
  soundEnvironment,
  strongSecret,
} from '../../../../test/support/configuration.ts';
import { ConfigError, loadConfig } from '../load-config.ts';

const path = '/etc/gatehouse.yaml';

const settings = [
  'settings:',
  '  PROXY_BASE_URL: https://gatehouse.test',
  '  OIDC_ISSUER_URL: https://login.test',
  '  OIDC_CLIENT_ID: gatehouse',
  '  OIDC_CLIENT_SECRET_FILE: /client-secret',
  '  TOKEN_SIGNING_SECRET_FILE: /signing-secret',
].join('\n');
const mounts = 'mounts:\n  - { name: files, url: /files, upstream: "http://127.0.0.1:3000/mcp" }\n';
const secrets = { '/client-secret': 'client-secret', '/signing-secret': strongSecret };

/** Of a file that has all there is to say. */
function complaintsAbout(text: string, env: Readonly<Record<string, string>> = {}): string[] {
  const unset = Object.fromEntries(Object.keys(soundEnvironment).map((name) => [name, undefined]));
  return complaintsOf({ ...unset, ...env, GATEHOUSE_CONFIG: path }, { ...secrets, [path]: text });
}

describe('a file that nobody can read', () => {
  it.each([
    ['  bad: [\n', 'GATEHOUSE_CONFIG is not indented like its neighbours'],
    ['mounts: []\n', 'GATEHOUSE_CONFIG has this key twice'],
    ['a: *b\n', 'GATEHOUSE_CONFIG begins with * outside of quotes: an alias of nothing, or of what it is in'],
    ['a: \uFFFD\n', 'GATEHOUSE_CONFIG is not UTF-8'],
  ])('is all that is wrong, whatever it sets: %j', (wrong, problem) => {
    expect(complaintsAbout(`${settings}\n${mounts}`)).toEqual([]);
    expect(complaintsAbout(`${settings}\n${mounts}${wrong}`)).toEqual([problem]);
  });

  it.each([
    ['', 'GATEHOUSE_CONFIG names a file that says nothing'],
    ['# nothing yet\n', 'GATEHOUSE_CONFIG names a file that says nothing'],
    ['- a\n', 'GATEHOUSE_CONFIG is not a map of keys'],
    ['settings: 7\n', 'settings is not a map of keys'],
  ])('says so once: %j', (text, problem) => {
    expect(complaintsAbout(text)).toEqual([problem]);
  });

  it('hides nothing that is wrong beside it', () => {
    expect(complaintsAbout('', { SHUTDOWN_TIMEOUT: 'soon' })).toEqual([
      'GATEHOUSE_CONFIG names a file that says nothing',
      'SHUTDOWN_TIMEOUT is not a duration',
    ]);
  });

  it.each([
    ['ENOENT', 'names a file that is not there'],
    ['EACCES', 'names a file that may not be read by this process'],
    ['EISDIR', 'names a file that is a folder'],
    ['EIO', 'names a file that cannot be read'],
  ])('says why: %s', (code, problem) => {
    const readFile = (): string => {
      throw Object.assign(new Error('canary'), { code });
    };
    try {
      loadConfig({ GATEHOUSE_CONFIG: path }, readFile);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      const { problems } = error as ConfigError;
      expect(problems).toMatchObject([{ variable: 'GATEHOUSE_CONFIG', problem }]);
      expect(JSON.stringify(problems)).not.toContain('canary');
    }
  });
});

describe('a mount with a problem of its own', () => {
  const bad = [
    'mounts:',
    '  - { name: files, url: /files, upstream: "http://127.0.0.1:3000/mcp", titel: Files }',
    'clients:',
    '  - client_id: batch',
    '    name: Batch',
    '    token_endpoint_auth_method: none',
    '    redirect_uris: ["http://127.0.0.1/callback"]',
    '    mounts: [files]',
    'trusted_issuers:',
    '  - { issuer: "https://idp.test", jwks_uri: "https://idp.test/keys", clients: [batch], mounts: [files] }',
  ].join('\n');

  it('is there for those that name it', () => {
    const changes = {
      UPSTREAM_MCP_URL: undefined,
      GATEHOUSE_CONFIG: path,
      INTROSPECTION_CLIENTS: `files:${'0'.repeat(64)}:files`,
    };
    expect(complaintsOf(changes, { [path]: bad })).toEqual(['mounts[0].titel is no key that is known here']);
    const unset = { ...changes, PROXY_BASE_URL: undefined };
    expect(complaintsOf(unset, { [path]: bad.replace(', titel: Files', '') })).toEqual([
      'PROXY_BASE_URL is not set',
    ]);
  });

  it('is not shown when its name is none', () => {
    const changes = {
      UPSTREAM_MCP_URL: undefined,
      GATEHOUSE_CONFIG: path,
      INTROSPECTION_CLIENTS: `files:${'0'.repeat(64)}:other`,
    };
    const text = bad
      .replace('name: files', 'name: Bearer canary')
      .replaceAll('mounts: [files]', 'mounts: [x]');
    expect(JSON.stringify(problemsOf(changes, { [path]: text }))).not.toContain('canary');
  });
});
