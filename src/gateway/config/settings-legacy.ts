import { offUnlessTrue, onUnlessFalse } from './boolean-setting.ts';
import { splitList } from './plain-values.ts';
import { type Setting, ValueProblem } from './setting.ts';
import { parseCspSources } from './url-values.ts';

const pkceRequired = onUnlessFalse('PKCE_REQUIRED', {
  description: 'PKCE is always required. Only `false` is refused: it asks for what this server does not do.',
});

/** Variables of older deployments: each is still checked, so that nobody believes in a setting that does nothing. */
export const legacySettings = {
  PKCE_REQUIRED: {
    ...pkceRequired,
    accepts: 'anything but `false`',
    parse: (text, warn) => {
      if (pkceRequired.parse(text, warn)) return true;
      throw new ValueProblem(
        'is false, and PKCE is always required here',
        'unset it; clients without PKCE cannot be served',
      );
    },
  } satisfies Setting<boolean>,
  COMPAT_ALLOW_STATELESS: offUnlessTrue('COMPAT_ALLOW_STATELESS', {
    description: 'Without effect: `state` is optional here, and PKCE protects the clients that send none.',
    warnAbout: (on) =>
      on
        ? {
            event: 'compat_allow_stateless_ignored',
            message: 'COMPAT_ALLOW_STATELESS has no effect; unset it',
          }
        : undefined,
  }),
  CSP_FORM_ACTION_EXTRA: {
    description: 'Deprecated: checked and without effect.',
    accepts: 'comma-separated `scheme://host[:port]`',
    separator: ',',
    unset: [],
    parse: (text) => parseCspSources(splitList(text)),
    warnAbout: (sources) =>
      sources.length === 0
        ? undefined
        : {
            event: 'csp_form_action_extra_deprecated',
            message: 'CSP_FORM_ACTION_EXTRA has no effect; unset it',
          },
  } satisfies Setting<readonly string[]>,
};
