import { describe, expect, it } from 'vitest';

import {
  complaintsOf,
  load,
  problemsOf,
  soundEnvironment,
  strongSecret,
  warningsOf,
} from '../../../test/support/configuration.ts';
import { ConfigError, loadConfig } from './load-config.ts';
import { settings } from './schema.ts';

const noFiles = (): string => {
  throw new Error('no file');
};

describe('loadConfig', () => {
  it('loads the required variables alone in production mode', () => {
    expect(load()).toMatchObject({
      productionMode: true,
      publicUrl: 'https://gatehouse.test',
      mounts: [{ upstream: { origin: 'http://127.0.0.1:3000', path: '/mcp', authorization: undefined } }],
      identityProviders: [{ issuer: 'https://login.test/realms/main', clientId: 'gatehouse' }],
      sealing: { kind: 'secrets', secrets: [strongSecret] },
    });
  });

  it('reports every missing variable at once', () => {
    expect(() => loadConfig({}, noFiles)).toThrow(ConfigError);
    const missing = Object.fromEntries(Object.keys(soundEnvironment).map((name) => [name, undefined]));
    expect(complaintsOf(missing).toSorted()).toEqual(
      Object.keys(soundEnvironment)
        .map((name) => `${name} is not set`)
        .toSorted(),
    );
  });

  it('reports missing, malformed and unsafe variables together', () => {
    const variables = problemsOf({
      OIDC_CLIENT_ID: undefined,
      SHUTDOWN_TIMEOUT: 'soon',
      STORE_PATH: ':memory:',
      TOKEN_SIGNING_SECRET: 'a'.repeat(32),
      TRUST_PROXY_HEADERS: 'true',
    }).map(({ variable }) => variable);
    expect(variables.toSorted()).toEqual([
      'OIDC_CLIENT_ID',
      'SHUTDOWN_TIMEOUT',
      'STORE_PATH',
      'TOKEN_SIGNING_SECRET',
      'TRUST_PROXY_HEADERS',
    ]);
  });

  it('says what to do about every problem', () => {
    for (const { fix } of problemsOf({ OIDC_CLIENT_ID: '', PROXY_BASE_URL: 'x', METRICS_ADDR: 'y' })) {
      expect(fix).toMatch(/^[a-z]/);
      expect(fix).not.toMatch(/\.$/);
    }
  });

  it('counts an empty variable as unset', () => {
    const empty = Object.fromEntries(
      Object.keys(settings)
        .filter((name) => !(name in soundEnvironment))
        .map((name) => [name, '']),
    );
    expect(load(empty)).toEqual(load());
    expect(complaintsOf({ OIDC_CLIENT_ID: '' })).toEqual(['OIDC_CLIENT_ID is not set']);
  });

  it('never repeats a value in a problem', () => {
    const sentinel = 'S3ntinel-S3ntinel';
    const everything = Object.fromEntries(Object.keys(settings).map((name) => [name, `${sentinel}\n`]));
    try {
      loadConfig(everything, noFiles);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(JSON.stringify((error as ConfigError).problems)).not.toContain('S3ntinel');
      expect((error as ConfigError).message).not.toContain('S3ntinel');
    }
  });

  it('warns in production mode that no group is required', () => {
    expect(warningsOf({})).toEqual(['allowed_groups_unset']);
    expect(warningsOf({ ALLOWED_GROUPS: 'staff' })).toEqual([]);
  });

  it('warns about an outdated Node when it is told the version', () => {
    const config = loadConfig(soundEnvironment, noFiles, { nodeVersion: 'v24.21.0' });
    expect(config.warnings.map(({ event }) => event)).toContain('node_version_outdated');
    const patched = loadConfig(soundEnvironment, noFiles, { nodeVersion: 'v24.22.1' });
    expect(patched.warnings.map(({ event }) => event)).not.toContain('node_version_outdated');
  });
});

describe('secrets from files', () => {
  const secrets = {
    OIDC_CLIENT_SECRET: 'from-a-file',
    TOKEN_SIGNING_SECRET: `${strongSecret}-file`,
    TOKEN_SIGNING_SECRETS_PREVIOUS: `${strongSecret}-old`,
    UPSTREAM_AUTHORIZATION_HEADER: 'Bearer from-a-file',
  };

  it.each(Object.keys(secrets))('reads %s from the file that its _FILE variable names', (name) => {
    const text = secrets[name as keyof typeof secrets];
    const direct = load({ [name]: text });
    expect(load({ [name]: undefined, [`${name}_FILE`]: '/run/s' }, { '/run/s': text })).toEqual(direct);
  });

  it.each(Object.keys(secrets))('refuses %s given both ways', (name) => {
    const text = secrets[name as keyof typeof secrets];
    expect(complaintsOf({ [name]: text, [`${name}_FILE`]: '/run/s' }, { '/run/s': text })).toEqual([
      `${name} is set, and so is ${name}_FILE`,
    ]);
  });

  it.each(['\n', '\r\n'])('drops one line break at the end (%j)', (end) => {
    const config = load(
      { OIDC_CLIENT_SECRET: undefined, OIDC_CLIENT_SECRET_FILE: '/run/s' },
      { '/run/s': `secret ${end}` },
    );
    expect(config.identityProviders[0]?.clientSecret).toBe('secret ');
  });

  it('refuses a file that cannot be read', () => {
    expect(complaintsOf({ OIDC_CLIENT_SECRET: undefined, OIDC_CLIENT_SECRET_FILE: '/gone' })).toEqual([
      'OIDC_CLIENT_SECRET cannot be read: OIDC_CLIENT_SECRET_FILE names a file that cannot be read',
    ]);
  });

  it('refuses an empty file', () => {
    const changes = { OIDC_CLIENT_SECRET: undefined, OIDC_CLIENT_SECRET_FILE: '/run/s' };
    expect(complaintsOf(changes, { '/run/s': '\n' })).toEqual([
      'OIDC_CLIENT_SECRET is empty in the file that OIDC_CLIENT_SECRET_FILE names',
    ]);
  });

  it('does not read a file for a variable that is no secret', () => {
    expect(
      complaintsOf({ OIDC_CLIENT_ID: undefined, OIDC_CLIENT_ID_FILE: '/run/s' }, { '/run/s': 'x' }),
    ).toEqual(['OIDC_CLIENT_ID is not set']);
  });
});
