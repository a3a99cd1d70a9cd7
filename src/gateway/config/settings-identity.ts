import type { IdentityRecheckMode } from '../../services/identity/identity-provider.ts';
import { offUnlessTrue } from './boolean-setting.ts';
import { parseDuration } from './go-duration.ts';
import { parseInteger, parseNonNegativeNumber, splitList } from './plain-values.ts';
import { type Setting, ValueProblem } from './setting.ts';
import { type IssuerUrl, parseIssuerUrl } from './url-values.ts';

/** Where people log in, and who of them may enter. */
export const identitySettings = {
  OIDC_ISSUER_URL: {
    description:
      'The OpenID Connect issuer of the identity provider. A trailing slash is dropped. Required, unless `IDP` names a provider whose issuer follows from its own variables, or every mount `accepts` tokens of another issuer; set, it wins over those.',
    accepts: '`https://` URL without query and fragment; `http://` for loopback only',
    unset: undefined,
    parse: parseIssuerUrl,
  } satisfies Setting<IssuerUrl | undefined>,
  OIDC_CLIENT_ID: {
    description:
      'The client id of this server at the identity provider. Not needed where every mount `accepts` tokens of another issuer.',
    accepts: 'text',
    whenMissing: 'register this server at your identity provider and set it to the client id',
    parse: (text) => text,
  } satisfies Setting<string>,
  OIDC_CLIENT_SECRET: {
    description:
      'The client secret of this server at the identity provider. Required, unless [another way to authenticate](#client-authentication) takes its place.',
    accepts: 'text',
    secret: true,
    unset: undefined,
    parse: (text) => text,
  } satisfies Setting<string | undefined>,
  OIDC_SCOPES: {
    description:
      'The scopes asked of the identity provider. Some send groups only for a scope of their own, such as `groups`.',
    accepts: 'scopes separated by blanks, `openid` among them',
    separator: ' ',
    defaultText: 'openid email profile, and what the preset adds',
    unset: undefined,
    parse: parseScopes,
  } satisfies Setting<readonly string[] | undefined>,
  OIDC_ALLOW_INSECURE_HTTP: offUnlessTrue('OIDC_ALLOW_INSECURE_HTTP', {
    description:
      'Allows an `http://` issuer on another machine: whoever sits between can log in as anybody. For test networks.',
    production: '`true`',
    refuseInProduction: (on) =>
      on ? new ValueProblem('is true', 'unset it and use an https issuer') : undefined,
    warnAbout: (on) =>
      on
        ? {
            event: 'oidc_insecure_http_allowed',
            message: 'OIDC_ALLOW_INSECURE_HTTP=true: logins can be forged by whoever is on the network',
          }
        : undefined,
  }),
  GROUPS_CLAIM: {
    description:
      'The claim of the ID token that lists the groups of a person: an array of strings, or one string, which is one group.',
    accepts:
      'a claim name, taken literally; or a JSON pointer into nested claims, such as `/resource_access/gatehouse/roles`',
    defaultText: 'groups',
    unset: undefined,
    parse: (text) => text,
  } satisfies Setting<string | undefined>,
  ALLOWED_GROUPS: {
    description:
      'Only members of at least one of these groups may enter. Empty: every account of the identity provider may.',
    accepts: 'comma-separated group names, compared exactly',
    separator: ',',
    unset: [],
    parse: splitList,
  } satisfies Setting<readonly string[]>,
  TRUST_UNVERIFIED_EMAIL: offUnlessTrue('TRUST_UNVERIFIED_EMAIL', {
    description:
      'Forwards an e-mail address although the identity provider does not say that it is verified. Where people choose their address themselves, one could then appear as another.',
    warnAbout: (on) =>
      on
        ? {
            event: 'unverified_email_trusted',
            message: 'TRUST_UNVERIFIED_EMAIL=true: addresses are forwarded that nobody has verified',
          }
        : undefined,
  }),
  IDENTITY_RECHECK: {
    description:
      'Whether a refresh asks the identity provider about the person again, so that who has left is out and changed groups count. `auto`: when it gave a refresh token, for which many want the scope `offline_access`. `required`: who logs in without one is refused. `off`: never; a leaver stays in until `GRANT_LIFETIME`.',
    accepts: '`auto`, `required` or `off`',
    defaultText: 'auto',
    unset: 'auto',
    parse: parseRecheckMode,
    warnAbout: (mode) =>
      mode === 'off'
        ? {
            event: 'identity_recheck_off',
            message:
              'IDENTITY_RECHECK=off: whoever leaves the identity provider stays in until GRANT_LIFETIME',
          }
        : undefined,
  } satisfies Setting<IdentityRecheckMode>,
  IDENTITY_RECHECK_GRACE: {
    description:
      'For this long after its last word an identity provider that does not answer stops no refresh; then refreshes are answered with 503 until it does. Calls go on either way until their token expires. 0: not at all.',
    accepts: 'duration, 0 to 24h',
    defaultText: '1h',
    unset: 3600,
    parse: (text) => parseDuration(text, { minSeconds: 0, maxSeconds: 86_400, text: '0 to 24h' }),
  } satisfies Setting<number>,
  IDP_EXCHANGE_RATE_PER_SEC: {
    description:
      'How many logins per second are finished at the identity provider, and how many refreshes per second may ask it again. 0: no limit.',
    accepts: 'number, 0 or more',
    defaultText: '0',
    unset: undefined,
    parse: (text) => parseNonNegativeNumber(text) || undefined,
  } satisfies Setting<number | undefined>,
  IDP_EXCHANGE_BURST: {
    description: 'How many logins may be finished at once before `IDP_EXCHANGE_RATE_PER_SEC` holds.',
    accepts: 'integer, 1 or more',
    defaultText: '50',
    unset: 50,
    parse: (text) => parseInteger(text, 1),
  } satisfies Setting<number>,
};

function parseRecheckMode(text: string): IdentityRecheckMode {
  const word = text.toLowerCase();
  if (word === 'auto' || word === 'required' || word === 'off') return word;
  throw new ValueProblem('is none of auto, required, off', 'use auto');
}

function parseScopes(text: string): readonly string[] {
  const scopes = [...new Set(text.split(/\s+/).filter((scope) => scope !== ''))];
  const fix = 'separate scopes with blanks, such as: openid email profile groups';
  // RFC 6749 §3.3
  if (!scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))) {
    throw new ValueProblem('has an entry that is no scope', fix);
  }
  return scopes;
}
