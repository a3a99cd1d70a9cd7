import { describe, expect, it } from 'vitest';

import { load, soundEnvironment } from '../../../test/support/configuration.ts';
import { ConfigError } from './load-config.ts';
import { findUnknownVariables } from './unknown-variables.ts';

const noticed = (env: Record<string, string | undefined>): string[] =>
  findUnknownVariables(env).map(({ message }) => message);

describe('findUnknownVariables', () => {
  it.each([
    ['OIDC_ISUER_URL', 'OIDC_ISSUER_URL'],
    ['OIDC_CLIENT_SECRET_FIEL', 'OIDC_CLIENT_SECRET_FILE'],
    ['TRUSTED_PROXY_CIDR', 'TRUSTED_PROXY_CIDRS'],
    ['ALOWED_GROUP', 'ALLOWED_GROUPS'],
    ['PRODMODE', 'PROD_MODE'],
    ['store_path', 'STORE_PATH'],
  ])('takes %s for %s', (name, meant) => {
    expect(noticed({ [name]: 'canary' })).toEqual([
      `${name} is set and is no variable of gatehouse: did you mean ${meant}?`,
    ]);
  });

  it.each(['OIDC_AUDIENCE', 'STORE_PATH_FILE', 'REDIS_HOST', 'TRUSTED_PROXIES'])(
    'notices %s, which begins like ours',
    (name) => {
      expect(noticed({ [name]: 'canary' })).toEqual([
        `${name} is set and is no variable of gatehouse: see the configuration reference`,
      ]);
    },
  );

  it('says nothing of what is ours, of what is empty, and of what is for others', () => {
    const others = {
      PATH: '/bin',
      HOME: '/root',
      NODE_ENV: 'production',
      NODE_OPTIONS: 'x',
      MCP_SERVER_NAME: 'x',
      UPSTREAM_TOKEN: 'x',
      REDIS_SERVICE_HOST: '10.0.0.7',
      REDIS_SERVICE_PORT: '6379',
      REDIS_SERVICE_PORT_TLS: '6380',
      REDIS_PORT: 'tcp://10.0.0.7:6379',
      REDIS_PORT_6379_TCP: 'tcp://10.0.0.7:6379',
      REDIS_PORT_6379_TCP_ADDR: '10.0.0.7',
      http_proxy: 'x',
      'OIDC_\u001b[31m': 'x',
    };
    expect(noticed({ ...soundEnvironment, TOKEN_SIGNING_SECRET_FILE: 'x', ...others })).toEqual([]);
    expect(noticed({ OIDC_ISUER_URL: '', STORE_PAHT: undefined })).toEqual([]);
  });

  it('is a warning of a configuration that is good otherwise', () => {
    const { warnings } = load({ STORE_PAHT: 'canary' });
    expect(warnings).toContainEqual({
      event: 'variable_unknown',
      message: 'STORE_PAHT is set and is no variable of gatehouse: did you mean STORE_PATH?',
    });
    expect(JSON.stringify(warnings)).not.toContain('canary');
  });

  it('stands beside the problem that the misspelling makes', () => {
    try {
      load({ OIDC_ISSUER_URL: undefined, OIDC_ISUER_URL: 'https://login.test' });
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      expect(error.problems.map(({ variable }) => variable)).toEqual(['OIDC_ISSUER_URL']);
      expect(error.warnings.map(({ message }) => message)).toEqual([
        expect.stringContaining('did you mean OIDC_ISSUER_URL?'),
      ]);
    }
  });
});
