import { describe, expect, it } from 'vitest';

import { complaintsOf, load, warningsOf } from '../../../test/support/configuration.ts';

describe('PKCE_REQUIRED', () => {
  it.each(['true', 'TRUE', 'yes', undefined])('is accepted as %s', (text) => {
    expect(complaintsOf({ PKCE_REQUIRED: text })).toEqual([]);
  });

  it.each(['true', 'false'])('is refused as false with PROD_MODE=%s', (mode) => {
    expect(complaintsOf({ PROD_MODE: mode, PKCE_REQUIRED: 'False' })).toEqual([
      'PKCE_REQUIRED is false, and PKCE is always required here',
    ]);
  });
});

describe('COMPAT_ALLOW_STATELESS', () => {
  it('only warns', () => {
    expect(warningsOf({ COMPAT_ALLOW_STATELESS: 'true' })).toContain('compat_allow_stateless_ignored');
    expect(warningsOf({ COMPAT_ALLOW_STATELESS: 'false' })).not.toContain('compat_allow_stateless_ignored');
  });
});

describe('CSP_FORM_ACTION_EXTRA', () => {
  it('warns that it has no effect', () => {
    const sources = 'https://login.test, https://[::1]:8443,custom://host';
    expect(warningsOf({ CSP_FORM_ACTION_EXTRA: sources })).toContain('csp_form_action_extra_deprecated');
    expect(load({ CSP_FORM_ACTION_EXTRA: ',' }).warnings.map(({ event }) => event)).not.toContain(
      'csp_form_action_extra_deprecated',
    );
  });

  it.each([
    '*',
    'https://*.test',
    'https://a/b',
    'https://a?b',
    'https://a#b',
    'https://u@a',
    'a.test',
    "https://a';",
  ])('is refused as %s', (text) => {
    expect(complaintsOf({ CSP_FORM_ACTION_EXTRA: text })).toEqual([
      'CSP_FORM_ACTION_EXTRA has an entry that is no CSP source (number 1)',
    ]);
  });
});
