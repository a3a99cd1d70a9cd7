import { describe, expect, it } from 'vitest';

import { createClientKey } from '../../../../test/support/client-keys.ts';
import { fileWithClients } from '../../../../test/support/configured-clients.ts';
import type { ConfiguredClient } from '../../../services/clients/configured-clients.ts';
import { ConfigError, loadConfig } from '../load-config.ts';

const environment = {
  PROD_MODE: 'false',
  OIDC_ISSUER_URL: 'https://login.test',
  OIDC_CLIENT_ID: 'gatehouse',
  OIDC_CLIENT_SECRET: 'provider-client-secret',
  PROXY_BASE_URL: 'https://gatehouse.test',
  TOKEN_SIGNING_SECRET: 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret',
  STORE_PATH: ':memory:',
  GATEHOUSE_CONFIG: 'gatehouse.yaml',
};
const mounts = 'mounts: [{ name: first, url: /mcp, upstream: "http://127.0.0.1:9/mcp" }]\n';

function load(text: string, files: Record<string, string> = {}): readonly ConfiguredClient[] {
  const all: Record<string, string> = { ...files, 'gatehouse.yaml': text };
  return loadConfig(environment, (path) => {
    const found = all[path];
    if (found === undefined) throw new Error('no such file');
    return found;
  }).clients;
}

/** Problems of one client whose keys are these. */
function complaintsAbout(keys: Record<string, unknown>, files?: Record<string, string>): readonly string[] {
  const client = { client_id: 'a', name: 'A', token_endpoint_auth_method: 'none', ...uris, ...keys };
  try {
    load(`${mounts}clients: [${JSON.stringify(client)}]\n`, files);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem }) => `${variable} ${problem}`);
  }
}

const uris = { redirect_uris: ['https://client.example/callback'] };
const hash = 'ab'.repeat(32);
const { jwk } = createClientKey();

describe('clients of the configuration file', () => {
  it('are read, each with what it may do', () => {
    const [basic, post, keyed, open, once] = load(fileWithClients);
    expect(basic).toMatchObject({
      clientId: 'basic',
      name: 'Basic Client',
      authentication: { method: 'client_secret_basic' },
      grantTypes: ['authorization_code', 'refresh_token'],
    });
    expect(basic).not.toHaveProperty('resources');
    expect(post).toMatchObject({ resources: ['https://gatehouse.test/mcp'], scope: ['read'] });
    expect(keyed?.authentication).toMatchObject({
      method: 'private_key_jwt',
      keys: { kind: 'set', jwks: { keys: [{ kid: 'a', kty: 'EC' }] } },
    });
    expect(open?.authentication).toEqual({ method: 'none' });
    expect(once?.grantTypes).toEqual(['authorization_code']);
  });

  it('may have keys in a file, or at an address', () => {
    const text = (keys: string): string =>
      `${mounts}clients: [{ client_id: a, name: A, token_endpoint_auth_method: private_key_jwt, grant_types: [client_credentials], ${keys} }]`;
    const [fromFile] = load(text('jwks_file: keys.json'), { 'keys.json': JSON.stringify({ keys: [jwk] }) });
    expect(fromFile?.authentication).toMatchObject({ keys: { kind: 'set' } });
    const [fromAddress] = load(text('jwks_uri: "https://client.example/keys"'));
    expect(fromAddress?.authentication).toMatchObject({
      keys: { kind: 'address', url: 'https://client.example/keys' },
    });
  });

  it.each([
    [{ client_id: 'mgh_cl_x' }, 'client_id is no client id of the configuration'],
    [{ client_id: 'https://client.example/c' }, 'client_id is no client id of the configuration'],
    [{ client_id: 'a b' }, 'client_id is no client id of the configuration'],
    [{ name: ' ' }, 'name is too short'],
    [{ token_endpoint_auth_method: undefined }, 'token_endpoint_auth_method is missing'],
    [
      { token_endpoint_auth_method: 'client_secret_jwt' },
      'token_endpoint_auth_method is none of the values that are known',
    ],
    [{ client_secret: 'canary' }, 'client_secret is no key that is known here'],
    [{ client_secret_sha256: hash }, 'client_secret_sha256 is there, and the client has no secret'],
    [
      { token_endpoint_auth_method: 'client_secret_post' },
      'client_secret_sha256 is missing, and the client has a secret',
    ],
    [
      { token_endpoint_auth_method: 'private_key_jwt' },
      'token_endpoint_auth_method does not go with its other keys',
    ],
    [{ jwks: { keys: [jwk] } }, 'jwks does not go with its other keys'],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] }, jwks_file: 'x' },
      'jwks_file does not go with its other keys',
    ],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...jwk, d: 'canary' }] } },
      'jwks names a key set that has a private key',
    ],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks_file: 'missing' },
      'jwks_file names a file that cannot be read',
    ],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://client.example/keys' },
      'jwks_uri is no https URL',
    ],
    [{ redirect_uris: [] }, 'redirect_uris does not go with its other keys'],
    [{ grant_types: ['refresh_token'] }, 'grant_types does not go with its other keys'],
    [
      { grant_types: ['authorization_code', 'password'] },
      'grant_types[1] is none of the values that are known',
    ],
    [
      { grant_types: ['authorization_code', 'client_credentials'] },
      'token_endpoint_auth_method is none, and the client acts for itself',
    ],
    [{ mounts: ['second'] }, 'mounts names a mount that is not there'],
    [
      { redirect_uris: ['http://client.example/callback'] },
      'redirect_uris has an entry that is not accepted',
    ],
    [{ redirect_uris: ['javascript:alert(1)'] }, 'redirect_uris has an entry that is not accepted'],
  ])('are refused with %o', (keys, problem) => {
    const complaints = complaintsAbout(keys);
    expect(complaints).toEqual([`clients[0].${problem}`]);
    expect(JSON.stringify(complaints)).not.toContain('canary');
  });

  it('never repeat a secret that stands in place of its hash', () => {
    const keys = { token_endpoint_auth_method: 'client_secret_basic', client_secret_sha256: 'canary secret' };
    const complaints = complaintsAbout(keys);
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain('clients[0].client_secret_sha256');
    expect(complaints[0]).not.toContain('canary');
  });

  it('have each an id of its own', () => {
    const client = { client_id: 'a', name: 'A', token_endpoint_auth_method: 'none', ...uris };
    const text = `${mounts}clients: [${JSON.stringify(client)}, ${JSON.stringify(client)}]\n`;
    expect(() => load(text)).toThrow(ConfigError);
  });
});
