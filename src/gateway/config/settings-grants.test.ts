import { describe, expect, it } from 'vitest';

import { complaintsOf, load, strongSecret, warningsOf } from '../../../test/support/configuration.ts';

const development = { PROD_MODE: 'false' };
const weakSecret = 'abcabcabcabcabcabcabcabcabcabcabcabc';

describe('TOKEN_SIGNING_SECRET', () => {
  it.each(['true', 'false'])('is refused below 32 bytes with PROD_MODE=%s', (mode) => {
    expect(complaintsOf({ PROD_MODE: mode, TOKEN_SIGNING_SECRET: strongSecret.slice(1) })).toEqual([
      'TOKEN_SIGNING_SECRET is shorter than 32 bytes',
    ]);
  });

  it('is measured in bytes', () => {
    expect(complaintsOf({ TOKEN_SIGNING_SECRET: 'äbcdéfghíjklmñöp' })).toHaveLength(1);
    expect(complaintsOf({ TOKEN_SIGNING_SECRET: 'äöüßéèêàáâñçíìîóòôúùûýÿæœ' })).toEqual([]);
  });

  it('is refused in production mode when it is weak', () => {
    expect(complaintsOf({ TOKEN_SIGNING_SECRET: weakSecret })).toEqual([
      'TOKEN_SIGNING_SECRET is weak: it repeats itself, which production mode refuses',
    ]);
  });

  it('is warned about in a development set-up when it is weak', () => {
    expect(warningsOf({ ...development, TOKEN_SIGNING_SECRET: weakSecret })).toContain(
      'token_signing_secret_weak',
    );
    expect(warningsOf(development)).not.toContain('token_signing_secret_weak');
  });
});

describe('TOKEN_SIGNING_SECRETS_PREVIOUS', () => {
  const first = `${strongSecret}-1`;
  const second = `${strongSecret}-2`;

  it('is read as secrets separated by blanks and lines, after the active one', () => {
    const config = load({ TOKEN_SIGNING_SECRETS_PREVIOUS: ` ${first}\t\n${second} ` });
    expect(config.sealing).toEqual({ kind: 'secrets', secrets: [strongSecret, first, second] });
  });

  it('is refused with a short entry', () => {
    expect(complaintsOf({ TOKEN_SIGNING_SECRETS_PREVIOUS: `${first} short` })).toEqual([
      'TOKEN_SIGNING_SECRETS_PREVIOUS has an entry shorter than 32 bytes (number 2)',
    ]);
  });

  it('is refused in production mode with a weak entry, named by its number', () => {
    expect(complaintsOf({ TOKEN_SIGNING_SECRETS_PREVIOUS: `${first} ${weakSecret}` })).toEqual([
      'TOKEN_SIGNING_SECRETS_PREVIOUS has a weak entry (number 2): it repeats itself, which production mode refuses',
    ]);
  });

  it('is warned about in a development set-up with a weak entry', () => {
    const changes = { ...development, TOKEN_SIGNING_SECRETS_PREVIOUS: weakSecret };
    expect(warningsOf(changes)).toContain('token_signing_secret_weak');
  });
});

describe('the store', () => {
  it('is a durable file beside the process by default', () => {
    expect(load().store).toEqual({ kind: 'sqlite', path: './gatehouse.sqlite', synchronous: 'FULL' });
  });

  it('takes another path and a faster mode', () => {
    expect(load({ STORE_PATH: '/data/g.db', STORE_SYNCHRONOUS: 'normal' }).store).toEqual({
      kind: 'sqlite',
      path: '/data/g.db',
      synchronous: 'NORMAL',
    });
  });

  it.each(['OFF', 'EXTRA', '1'])('refuses STORE_SYNCHRONOUS=%s', (text) => {
    expect(complaintsOf({ STORE_SYNCHRONOUS: text })).toEqual([
      'STORE_SYNCHRONOUS is neither FULL nor NORMAL',
    ]);
  });

  it('is not memory in production mode', () => {
    expect(complaintsOf({ STORE_PATH: ':memory:' })).toEqual([
      'STORE_PATH is :memory:, which production mode refuses',
    ]);
  });

  it('may be memory in a development set-up, with a warning', () => {
    expect(load({ ...development, STORE_PATH: ':memory:' }).store).toEqual({ kind: 'memory' });
    expect(warningsOf({ ...development, STORE_PATH: ':memory:' })).toContain('store_in_memory');
  });
});

describe('ACCESS_TOKEN_TTL', () => {
  it('is an hour by default, and may be shorter', () => {
    expect(load().tokens.accessTokenTtlSeconds).toBe(3600);
    expect(load({ ACCESS_TOKEN_TTL: '1m' }).tokens.accessTokenTtlSeconds).toBe(60);
    expect(load({ ACCESS_TOKEN_TTL: '1h' }).tokens.accessTokenTtlSeconds).toBe(3600);
  });

  it.each([
    ['59s', 'is out of range'],
    ['61m', 'is out of range'],
    ['300', 'is not a duration'],
  ])('refuses %s', (text, problem) => {
    expect(complaintsOf({ ACCESS_TOKEN_TTL: text })).toEqual([`ACCESS_TOKEN_TTL ${problem}`]);
  });
});

describe('REFRESH_RACE_GRACE_SEC', () => {
  it.each([
    [undefined, 30],
    ['0', 0],
    ['5', 5],
    ['3600', 3600],
  ])('reads %s as %i seconds', (text, seconds) => {
    expect(load({ REFRESH_RACE_GRACE_SEC: text }).tokens.refreshWindowSeconds).toBe(seconds);
  });

  it.each([
    ['2s', 'is not an integer'],
    ['1.5', 'is not an integer'],
    ['-1', 'is out of range'],
    ['3601', 'is out of range'],
  ])('refuses %s', (text, problem) => {
    expect(complaintsOf({ REFRESH_RACE_GRACE_SEC: text })).toEqual([`REFRESH_RACE_GRACE_SEC ${problem}`]);
  });
});

describe('GRANT_LIFETIME', () => {
  it.each([
    [undefined, 2_592_000],
    ['1h', 3600],
    ['8760h', 31_536_000],
  ])('reads %s as %i seconds', (text, seconds) => {
    expect(load({ GRANT_LIFETIME: text }).tokens.grantLifetimeSeconds).toBe(seconds);
  });

  it.each(['0', '59m', '8760h1s'])('refuses %s', (text) => {
    expect(complaintsOf({ GRANT_LIFETIME: text })).toEqual(['GRANT_LIFETIME is out of range']);
  });
});

describe('REVOKE_BEFORE', () => {
  it.each([
    [undefined, undefined],
    ['2026-11-21T07:30:00Z', 1_795_246_200],
    ['2026-11-21T08:30:00+01:00', 1_795_246_200],
    ['2026-11-21T07:29:59.001Z', 1_795_246_200],
  ])('reads %s', (text, seconds) => {
    expect(load({ REVOKE_BEFORE: text }).tokens.revokeBefore).toBe(seconds);
  });

  it.each([
    'yesterday',
    '2026-11-21',
    '2026-11-21T07:30:00',
    '2026-11-21 07:30:00Z',
    '1795159800',
    '2026-02-30T00:00:00Z',
    '2026-11-21T24:00:00Z',
    '2026-13-01T00:00:00Z',
  ])('refuses %s', (text) => {
    expect(complaintsOf({ REVOKE_BEFORE: text })).toEqual(['REVOKE_BEFORE is not an RFC 3339 time']);
  });
});

describe('CLIENT_REGISTRATION', () => {
  it.each([
    [undefined, true],
    ['on', true],
    ['off', false],
  ])('reads %s as %s', (text, enabled) => {
    expect(load({ CLIENT_REGISTRATION: text }).registration.enabled).toBe(enabled);
  });

  it('refuses what is neither on nor off', () => {
    expect(complaintsOf({ CLIENT_REGISTRATION: 'false' })).toEqual([
      'CLIENT_REGISTRATION is neither on nor off',
    ]);
  });
});

describe('CLIENT_REGISTRATION_TTL', () => {
  it.each([
    [undefined, undefined],
    ['0', undefined],
    ['0s', undefined],
    ['168h', 604_800],
    ['1h30m', 5400],
    ['2160h', 7_776_000],
  ])('reads %s as %s seconds', (text, seconds) => {
    expect(load({ CLIENT_REGISTRATION_TTL: text }).registration.ttlSeconds).toBe(seconds);
  });

  it.each([
    ['-1h', 'is out of range'],
    ['2160h1s', 'is out of range'],
    ['7d', 'is not a duration'],
    ['3600', 'is not a duration'],
  ])('refuses %s', (text, problem) => {
    expect(complaintsOf({ CLIENT_REGISTRATION_TTL: text })).toEqual([`CLIENT_REGISTRATION_TTL ${problem}`]);
  });
});

describe('ALLOWED_REDIRECT_SCHEMES', () => {
  it.each([
    [undefined, ['cursor', 'vscode', 'vscode-insiders', 'windsurf']],
    ['none', []],
    ['com.example.app, zed', ['com.example.app', 'zed']],
  ])('reads %s', (text, schemes) => {
    expect(load({ ALLOWED_REDIRECT_SCHEMES: text }).registration.privateUseSchemes).toEqual(schemes);
  });

  it.each(['javascript', 'https', 'file', 'Cursor', 'cursor://', 'cursor:', '1app'])(
    'refuses %s',
    (scheme) => {
      expect(complaintsOf({ ALLOWED_REDIRECT_SCHEMES: `vscode,${scheme}` })).toEqual([
        'ALLOWED_REDIRECT_SCHEMES has an entry that cannot be a private-use scheme (number 2)',
      ]);
    },
  );
});

describe('RENDER_CONSENT_PAGE', () => {
  it('is on by default, and by anything but false', () => {
    expect(load().renderConsentPage).toBe(true);
    expect(load({ RENDER_CONSENT_PAGE: '0' }).renderConsentPage).toBe(true);
  });

  it('is not off in production mode', () => {
    expect(complaintsOf({ RENDER_CONSENT_PAGE: 'false' })).toEqual([
      'RENDER_CONSENT_PAGE is false, which production mode refuses',
    ]);
  });

  it('may be off in a development set-up, with a warning', () => {
    const changes = { ...development, RENDER_CONSENT_PAGE: 'FALSE' };
    expect(load(changes).renderConsentPage).toBe(false);
    expect(warningsOf(changes)).toContain('consent_page_off');
  });
});
