import { offUnlessTrue, onUnlessFalse } from './boolean-setting.ts';
import { splitList } from './plain-values.ts';
import { type Setting, ValueProblem } from './setting.ts';
import { parseCspSources } from './url-values.ts';

const pkceRequired = onUnlessFalse('PKCE_REQUIRED', {
  description: 'PKCE is always required. Only `false` is refused: it asks for what this server does not do.',
});

const redisRequired = onUnlessFalse('REDIS_REQUIRED', {
  description: 'Redis is not used by this version. `true` is refused, since it cannot be kept.',
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
  REDIS_URL: {
    description: 'Refused: state is kept in SQLite, at `STORE_PATH`.',
    accepts: 'nothing',
    unset: undefined,
    parse: () => {
      throw new ValueProblem(
        'is set, and this version keeps state in SQLite (STORE_PATH)',
        'unset REDIS_URL, and name a file with STORE_PATH',
      );
    },
  } satisfies Setting<undefined>,
  REDIS_REQUIRED: {
    ...redisRequired,
    accepts: '`false`',
    defaultText: 'false',
    unset: false,
    parse: (text, warn) => {
      if (text.toLowerCase() !== 'true') return redisRequired.parse(text, warn);
      throw new ValueProblem(
        'is true, and this version keeps state in SQLite (STORE_PATH)',
        'unset REDIS_REQUIRED, or set it to false',
      );
    },
  } satisfies Setting<boolean>,
  REDIS_KEY_PREFIX: {
    description: 'Checked and not used.',
    accepts: 'printable ASCII without `{` and `}`; may be empty',
    defaultText: 'mcp-auth-proxy:',
    emptyIsValue: true,
    unset: 'mcp-auth-proxy:',
    parse: (text) => {
      if (/^[\x20-\x7e]*$/.test(text) && !/[{}]/.test(text)) return text;
      throw new ValueProblem('has characters that are not allowed', 'use printable ASCII without { and }');
    },
  } satisfies Setting<string>,
  CSP_FORM_ACTION_EXTRA: {
    description: 'Deprecated: checked and without effect.',
    accepts: 'comma-separated `scheme://host[:port]`',
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
