import { describe, expect, it } from 'vitest';

import { complaintsOf, load, warningsOf } from '../../../test/support/configuration.ts';

const development = { PROD_MODE: 'false' };

describe('OIDC_ISSUER_URL', () => {
  it.each([
    ['https://login.test/', 'https://login.test'],
    ['https://login.test/realms/main/', 'https://login.test/realms/main'],
    ['http://localhost:8180/realms/x', 'http://localhost:8180/realms/x'],
    ['http://localhost.:8180', 'http://localhost.:8180'],
    ['http://127.4.5.6', 'http://127.4.5.6'],
    ['http://[::1]:1', 'http://[::1]:1'],
  ])('reads %s as %s', (text, issuer) => {
    expect(load({ OIDC_ISSUER_URL: text }).identityProviders[0]?.issuer).toBe(issuer);
  });

  it.each([
    ['login.test', 'is not an http or https URL'],
    ['https:login.test', 'is not an http or https URL'],
    ['https://', 'is not an http or https URL'],
    ['https://u@login.test', 'carries user information'],
    ['https://login.test?tenant=1', 'has a query or a fragment'],
    ['http://login.test', 'is http on a host that is not loopback'],
  ])('refuses %s, since it %s', (text, problem) => {
    expect(complaintsOf({ OIDC_ISSUER_URL: text })).toEqual([`OIDC_ISSUER_URL ${problem}`]);
  });

  it('may be http elsewhere when a development set-up says so', () => {
    const changes = {
      ...development,
      OIDC_ISSUER_URL: 'http://keycloak:8080',
      OIDC_ALLOW_INSECURE_HTTP: 'true',
    };
    expect(load(changes).identityProviders[0]).toMatchObject({
      issuer: 'http://keycloak:8080',
      allowInsecureHttp: true,
    });
    expect(warningsOf(changes)).toContain('oidc_insecure_http_allowed');
  });

  it('must not be http elsewhere in a development set-up that does not say so', () => {
    expect(complaintsOf({ ...development, OIDC_ISSUER_URL: 'http://keycloak:8080' })).toHaveLength(1);
  });
});

describe('OIDC_ALLOW_INSECURE_HTTP', () => {
  it('is refused in production mode', () => {
    expect(complaintsOf({ OIDC_ALLOW_INSECURE_HTTP: 'true' })).toEqual([
      'OIDC_ALLOW_INSECURE_HTTP is true, which production mode refuses',
    ]);
  });

  it('stays off by anything but true', () => {
    expect(load({ OIDC_ALLOW_INSECURE_HTTP: 'yes' }).identityProviders[0]?.allowInsecureHttp).toBe(false);
  });
});

describe('OIDC_SCOPES', () => {
  it('is openid, email and profile by default', () => {
    expect(load().identityProviders[0]?.scopes).toEqual(['openid', 'email', 'profile']);
  });

  it('reads scopes separated by blanks, each once', () => {
    const config = load({ OIDC_SCOPES: ' openid  groups openid offline_access ' });
    expect(config.identityProviders[0]?.scopes).toEqual(['openid', 'groups', 'offline_access']);
  });

  it.each(['email profile', 'OpenID', ' '])('refuses %j, which lacks openid', (text) => {
    expect(complaintsOf({ OIDC_SCOPES: text })).toEqual(['OIDC_SCOPES lacks the scope openid']);
  });

  it('refuses what is no scope', () => {
    expect(complaintsOf({ OIDC_SCOPES: 'openid "email"' })).toEqual([
      'OIDC_SCOPES has an entry that is no scope',
    ]);
  });
});

describe('groups', () => {
  it('come from the claim "groups" unless another is named', () => {
    expect(load().identityProviders[0]?.groupsClaim).toBe('groups');
    expect(load({ GROUPS_CLAIM: 'roles' }).identityProviders[0]?.groupsClaim).toBe('roles');
  });

  it('are not required by default', () => {
    expect(load().identityProviders[0]?.allowedGroups).toEqual([]);
    expect(load({ ALLOWED_GROUPS: ' , ,' }).identityProviders[0]?.allowedGroups).toEqual([]);
  });

  it('are read from a list with trimmed items', () => {
    expect(load({ ALLOWED_GROUPS: ' staff , mcp users,, ' }).identityProviders[0]?.allowedGroups).toEqual([
      'staff',
      'mcp users',
    ]);
  });

  it('are not missed in a development set-up', () => {
    expect(warningsOf(development)).not.toContain('allowed_groups_unset');
  });
});

describe('TRUST_UNVERIFIED_EMAIL', () => {
  it('is off by default', () => {
    expect(load().identityProviders[0]?.trustUnverifiedEmail).toBe(false);
  });

  it('turns on with a warning', () => {
    const changes = { TRUST_UNVERIFIED_EMAIL: 'True' };
    expect(load(changes).identityProviders[0]?.trustUnverifiedEmail).toBe(true);
    expect(warningsOf(changes)).toContain('unverified_email_trusted');
  });
});

describe('IDENTITY_RECHECK', () => {
  it('asks where it can by default, with an hour of grace', () => {
    expect(load().identityRecheck).toEqual({ mode: 'auto', graceSeconds: 3600 });
    expect(warningsOf({})).not.toContain('identity_recheck_off');
  });

  it.each(['auto', 'required', 'off', 'Required'])('reads %s', (text) => {
    expect(load({ IDENTITY_RECHECK: text }).identityRecheck.mode).toBe(text.toLowerCase());
  });

  it('warns when it is off', () => {
    expect(warningsOf({ IDENTITY_RECHECK: 'off' })).toContain('identity_recheck_off');
  });

  it.each(['true', 'never', 'on'])('refuses %s', (text) => {
    expect(complaintsOf({ IDENTITY_RECHECK: text })).toEqual([
      'IDENTITY_RECHECK is none of auto, required, off',
    ]);
  });

  it.each([
    ['0', 0],
    ['15m', 900],
    ['24h', 86_400],
  ])('reads a grace of %s', (text, seconds) => {
    expect(load({ IDENTITY_RECHECK_GRACE: text }).identityRecheck.graceSeconds).toBe(seconds);
  });

  it.each([
    ['25h', 'is out of range'],
    ['-1s', 'is out of range'],
    ['1d', 'is not a duration'],
  ])('refuses a grace of %s', (text, problem) => {
    expect(complaintsOf({ IDENTITY_RECHECK_GRACE: text })).toEqual([`IDENTITY_RECHECK_GRACE ${problem}`]);
  });
});

describe('IDP_EXCHANGE_RATE_PER_SEC and IDP_EXCHANGE_BURST', () => {
  it('do not limit by default', () => {
    expect(load().identityProviders[0]).toMatchObject({
      exchangeRatePerSecond: undefined,
      exchangeBurst: 50,
    });
    expect(
      load({ IDP_EXCHANGE_RATE_PER_SEC: '0' }).identityProviders[0]?.exchangeRatePerSecond,
    ).toBeUndefined();
  });

  it.each([
    ['5', 5],
    ['0.5', 0.5],
    ['.25', 0.25],
    ['1e1', 10],
  ])('read a rate of %s', (text, rate) => {
    expect(load({ IDP_EXCHANGE_RATE_PER_SEC: text }).identityProviders[0]?.exchangeRatePerSecond).toBe(rate);
  });

  it.each([
    ['-1', 'is negative'],
    ['fast', 'is not a number'],
    ['NaN', 'is not a number'],
    ['Infinity', 'is not a number'],
    ['1e999', 'is not a number'],
    ['0x10', 'is not a number'],
  ])('refuse a rate of %s', (text, problem) => {
    expect(complaintsOf({ IDP_EXCHANGE_RATE_PER_SEC: text })).toEqual([
      `IDP_EXCHANGE_RATE_PER_SEC ${problem}`,
    ]);
  });

  it('read a burst of 1 and refuse one of 0', () => {
    expect(load({ IDP_EXCHANGE_BURST: '1' }).identityProviders[0]?.exchangeBurst).toBe(1);
    expect(complaintsOf({ IDP_EXCHANGE_BURST: '0' })).toEqual(['IDP_EXCHANGE_BURST is out of range']);
  });
});
