import { auth0Variables } from '../../services/identity/presets/auth0.ts';
import { authentikVariables } from '../../services/identity/presets/authentik.ts';
import { cognitoVariables } from '../../services/identity/presets/cognito.ts';
import { entraVariables } from '../../services/identity/presets/entra.ts';
import { gitlabVariables } from '../../services/identity/presets/gitlab.ts';
import { googleVariables } from '../../services/identity/presets/google.ts';
import { keycloakVariables } from '../../services/identity/presets/keycloak.ts';
import { oktaVariables } from '../../services/identity/presets/okta.ts';
import type { PresetVariable } from '../../services/identity/presets/preset.ts';
import { isPresetName, type PresetName, presets } from '../../services/identity/presets/presets.ts';
import { zitadelVariables } from '../../services/identity/presets/zitadel.ts';
import { type OptionalSetting, type Setting, ValueProblem } from './setting.ts';

/** Which identity provider it is, and the few values that its preset takes. */
export const presetSettings = {
  IDP: {
    description:
      'Which identity provider it is: its preset knows its issuer, scopes and peculiarities. `generic`: any OpenID provider, told about by `OIDC_ISSUER_URL`.',
    accepts: `one of ${Object.keys(presets)
      .map((name) => `\`${name}\``)
      .join(', ')}`,
    defaultText: 'generic',
    unset: 'generic',
    parse: parsePresetName,
  } satisfies Setting<PresetName>,
  OIDC_AUTHORIZATION_PARAMETERS: {
    description:
      'More parameters for the authorization request to the identity provider, over those of the preset. They travel through the browser, whose user can change them: they protect nothing.',
    accepts:
      '`name=value`, joined by `&` and percent-encoded as in a query, such as `audience=https%3A%2F%2Fapi.example.com&ui_locales=de`; none that a login is made of (`client_id`, `scope`, `state`, …)',
    unset: {},
    parse: parseAuthorizationParameters,
  } satisfies Setting<Readonly<Record<string, string>>>,
  ...toSettings(keycloakVariables),
  ...toSettings(oktaVariables),
  ...toSettings(auth0Variables),
  ...toSettings(googleVariables),
  ...toSettings(entraVariables),
  ...toSettings(cognitoVariables),
  ...toSettings(authentikVariables),
  ...toSettings(zitadelVariables),
  ...toSettings(gitlabVariables),
};

/** What every login sets, or what would move the answer to where nobody reads it. */
const reservedParameters = new Set(
  'response_type client_id redirect_uri scope state nonce code_challenge code_challenge_method response_mode max_age request request_uri client_secret'.split(
    ' ',
  ),
);

function parsePresetName(text: string): PresetName {
  const name = text.toLowerCase();
  if (isPresetName(name)) return name;
  const names = Object.keys(presets).join(', ');
  throw new ValueProblem(
    'is no known identity provider',
    `use one of ${names}; generic serves any OpenID provider`,
  );
}

function parseAuthorizationParameters(text: string): Readonly<Record<string, string>> {
  const fix = 'write name=value pairs joined by &, such as audience=https%3A%2F%2Fapi.example.com';
  const parameters = new Map<string, string>();
  for (const pair of text.trim().split('&')) {
    const equals = pair.indexOf('=');
    const [name, value] = new URLSearchParams(pair).entries().next().value ?? ['', ''];
    if (equals < 1 || !/^[\w.-]+$/.test(name))
      throw new ValueProblem('has an entry that is no name=value', fix);
    if (reservedParameters.has(name)) {
      throw new ValueProblem(`sets ${name}, which every login sets itself`, `leave ${name} out`);
    }
    if (parameters.has(name)) throw new ValueProblem('names a parameter twice', 'keep one of the two');
    parameters.set(name, value);
  }
  return Object.fromEntries(parameters);
}

function toSettings<Name extends string>(
  variables: Readonly<Record<Name, PresetVariable>>,
): Readonly<Record<Name, OptionalSetting<string | undefined>>> {
  const settings = Object.entries<PresetVariable>(variables).map(([name, variable]) => [
    name,
    toSetting(variable),
  ]);
  return Object.fromEntries(settings) as Readonly<Record<Name, OptionalSetting<string | undefined>>>;
}

function toSetting({
  description,
  accepts,
  syntax,
  console: fix,
}: PresetVariable): OptionalSetting<string | undefined> {
  return {
    description,
    accepts,
    unset: undefined,
    parse(text) {
      if (syntax.test(text)) return text;
      throw new ValueProblem(`is not ${accepts.replace(/[`]/g, '').replace(/, such as.*/, '')}`, fix);
    },
  };
}
