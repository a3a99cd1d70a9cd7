import type { PresetOptions, ProviderPreset } from '../../services/identity/presets/preset.ts';
import { findPreset, presets } from '../../services/identity/presets/presets.ts';
import {
  assembleClientCertificate,
  assembleClientKey,
  assembleClientToken,
  findCredentialProblems,
  type PlatformValues,
} from './client-authentication.ts';
import type { ConfigWarning, ProviderConfig } from './config.ts';
import { findMisnamed } from './group-names.ts';
import type { ProviderSetting } from './provider-settings.ts';
import type { SettingValues } from './schema.ts';
import type { ConfigProblem } from './setting.ts';
import { parseIssuerUrl } from './url-values.ts';

type Values = Partial<SettingValues>;

/** Settings of one identity provider alone, by which the file describes each of several. */
export type ProviderSettings = Pick<SettingValues, ProviderSetting>;

/** Settings that are the same for all. */
type CommonSettings = Pick<
  SettingValues,
  'IDENTITY_RECHECK' | 'IDP_EXCHANGE_RATE_PER_SEC' | 'IDP_EXCHANGE_BURST'
> &
  PlatformValues;

/** What the preset says, under what the operator says. @param called default: as the preset is */
export function assembleIdentityProvider(
  values: ProviderSettings & CommonSettings,
  called?: Pick<ProviderConfig, 'name' | 'title'>,
): ProviderConfig {
  const preset = findPreset(values.IDP);
  const options = presetOptions(values);
  return {
    ...(called ?? { name: values.IDP, title: preset.title }),
    preset: values.IDP,
    issuer: findIssuer(values, preset) ?? '',
    clientId: values.OIDC_CLIENT_ID,
    clientSecret: values.OIDC_CLIENT_SECRET ?? '',
    clientKey: assembleClientKey(values, preset),
    clientCertificate: assembleClientCertificate(values),
    clientToken: assembleClientToken(values),
    scopes: values.OIDC_SCOPES ?? preset.scopes(options),
    authorizationParameters: {
      ...preset.authorizationParameters(options),
      ...values.OIDC_AUTHORIZATION_PARAMETERS,
    },
    requiredClaims: preset.requiredClaims(options.values),
    overage: preset.overage?.(options.values),
    inheritsGroups: preset.inheritsGroups?.(options.values) ?? false,
    saysGroups: saysGroups(values, preset),
    directory: preset.directory?.(options.values),
    allowInsecureHttp: values.OIDC_ALLOW_INSECURE_HTTP,
    groupsClaim: values.GROUPS_CLAIM ?? preset.groupsClaim ?? 'groups',
    groupsForm: preset.groupsForm ?? 'names',
    trustUnverifiedEmail: values.TRUST_UNVERIFIED_EMAIL,
    exchangeRatePerSecond: values.IDP_EXCHANGE_RATE_PER_SEC,
    exchangeBurst: values.IDP_EXCHANGE_BURST,
    allowedGroups: values.ALLOWED_GROUPS,
  };
}

/** Problems of the settings together with the provider that IDP names. */
export function findIdentityProviderProblems(values: Values): ConfigProblem[] {
  const { IDP } = values;
  if (IDP === undefined) return [];
  const preset = findPreset(IDP);
  return [
    ...findCredentialProblems(values, preset),
    ...findIssuerProblems(values, preset),
    ...findForeignVariables(values, preset),
    ...findScopeProblems(values, preset),
    ...findParameterProblems(values, preset),
    ...findGroupProblems(values, preset),
    ...findClaimProblems(values, preset),
    ...findOwnProblems(values, preset),
  ];
}

export function findIdentityProviderWarnings(values: Values): ConfigWarning[] {
  if (values.IDP === undefined || (values.ALLOWED_GROUPS ?? []).length > 0) return [];
  const preset = findPreset(values.IDP);
  const { title, strangersFix } = preset;
  const issuer = findIssuer(values, preset) ?? '';
  if (preset.isOpenToStrangers?.(issuer, presetOptions(values).values) !== true) return [];
  const message = `everybody who has an account at ${title} may enter, private ones too: ${strangersFix ?? 'set ALLOWED_GROUPS'}`;
  return [{ event: 'idp_open_to_strangers', message }];
}

function presetOptions(values: Values): PresetOptions {
  const read: Readonly<Record<string, unknown>> = values;
  const names = Object.values<ProviderPreset>(presets).flatMap(({ variables }) => Object.keys(variables));
  const texts = names.map((name) => [name, typeof read[name] === 'string' ? read[name] : undefined] as const);
  return { values: Object.fromEntries(texts), asksAgain: values.IDENTITY_RECHECK !== 'off' };
}

/** Who vouches for people by these settings. Undefined: they do not say it. */
export function findIssuerOf(values: Values): string | undefined {
  return findIssuer(values, findPreset(values.IDP ?? 'generic'));
}

function findIssuer(values: Values, preset: ProviderPreset): string | undefined {
  return values.OIDC_ISSUER_URL?.issuer ?? preset.deriveIssuer(presetOptions(values).values);
}

function findIssuerProblems(values: Values, preset: ProviderPreset): ConfigProblem[] {
  // One with a problem of its own is missing among the values, and has been told about.
  if (!Object.hasOwn(values, 'OIDC_ISSUER_URL')) return [];
  const issuer = findIssuer(values, preset);
  if (issuer === undefined) return findMissing(values, preset);
  const variable =
    values.OIDC_ISSUER_URL !== undefined
      ? 'OIDC_ISSUER_URL'
      : (Object.keys(preset.variables).find((name) => preset.variables[name]?.required) ?? 'IDP');
  const refusal = preset.refuseIssuer?.(issuer);
  if (refusal !== undefined) return [{ variable, ...refusal }];
  const cleartext = parseIssuerUrl(issuer).cleartext && values.OIDC_ALLOW_INSECURE_HTTP !== true;
  if (!cleartext) return [];
  const fix = 'use https; for a test network, OIDC_ALLOW_INSECURE_HTTP=true with PROD_MODE=false';
  return [{ variable, problem: 'is http on a host that is not loopback', fix }];
}

function findMissing(values: Values, { variables }: ProviderPreset): ConfigProblem[] {
  const needed = Object.entries(variables).filter(([, variable]) => variable.required);
  if (needed.length === 0) {
    const fix =
      'set it to the issuer of your identity provider, such as https://login.example.com/realms/main';
    return [{ variable: 'OIDC_ISSUER_URL', problem: 'is not set', fix }];
  }
  const read: Readonly<Record<string, unknown>> = values;
  return needed
    .filter(([name]) => Object.hasOwn(read, name) && read[name] === undefined)
    .map(([name, variable]) => ({
      variable: name,
      problem: `is not set, and IDP=${String(values.IDP)} needs it`,
      fix: variable.console,
    }));
}

/** Whoever restricts a provider that is not used has restricted nobody. */
function findForeignVariables(values: Values, preset: ProviderPreset): ConfigProblem[] {
  return Object.entries(presetOptions(values).values)
    .filter(([name, value]) => value !== undefined && !Object.hasOwn(preset.variables, name))
    .map(([name]) => {
      const owner = Object.entries<ProviderPreset>(presets).find(([, { variables }]) =>
        Object.hasOwn(variables, name),
      );
      const problem = `is set, and IDP is ${String(values.IDP)}: it would have no effect`;
      return { variable: name, problem, fix: `set IDP=${owner?.[0] ?? 'generic'}, or unset it` };
    });
}

function findScopeProblems(values: Values, preset: ProviderPreset): ConfigProblem[] {
  const { OIDC_SCOPES: scopes } = values;
  const { protocol, title } = preset;
  if (scopes === undefined) return [];
  if (protocol === 'openid') {
    if (scopes.includes('openid')) return [];
    const fix = 'separate scopes with blanks, such as: openid email profile groups';
    return [{ variable: 'OIDC_SCOPES', problem: 'lacks the scope openid', fix }];
  }
  const problem = `is set, and at ${title} the scopes are what the questions about a person need`;
  const needed = preset.scopes(presetOptions(values)).join(' and ');
  const fix = `unset it: ${needed} are asked for, without which organisations and addresses stay unknown`;
  return [{ variable: 'OIDC_SCOPES', problem, fix }];
}

function findParameterProblems(values: Values, preset: ProviderPreset): ConfigProblem[] {
  const variable = 'OIDC_AUTHORIZATION_PARAMETERS';
  return preset.forbiddenParameters
    .filter((name) => Object.hasOwn(values.OIDC_AUTHORIZATION_PARAMETERS ?? {}, name))
    .map((name) => ({
      variable,
      problem: `sets ${name}, which ${preset.title} refuses`,
      fix: `leave ${name} out`,
    }));
}

function findGroupProblems(values: Values, preset: ProviderPreset): ConfigProblem[] {
  if (saysGroups(values, preset) || (values.ALLOWED_GROUPS?.length ?? 0) === 0) return [];
  const problem = `is set, and ${preset.title} says no groups by itself: nobody could enter`;
  return [
    {
      variable: 'ALLOWED_GROUPS',
      problem,
      fix: preset.noGroupsFix ?? 'unset it, or name the claim that has them in GROUPS_CLAIM',
    },
  ];
}

/** Groups that are found beside those of the claim are put where it is: that has to be a claim of its own. */
function findClaimProblems(values: Values, preset: ProviderPreset): ConfigProblem[] {
  const { values: own } = presetOptions(values);
  const isCompleted = preset.inheritsGroups?.(own) === true || preset.overage?.(own).graphUrl !== undefined;
  if (!isCompleted || values.GROUPS_CLAIM?.startsWith('/') !== true) return [];
  const problem = `is a JSON pointer, and groups that ${preset.title} leaves out are added to a claim of its own alone`;
  return [{ variable: 'GROUPS_CLAIM', problem, fix: 'name a claim that is not within another, or unset it' }];
}

function saysGroups(values: Values, preset: ProviderPreset): boolean {
  const directory = preset.directory?.(presetOptions(values).values);
  const isListed = preset.groupsClaim !== undefined || values.GROUPS_CLAIM !== undefined;
  return isListed || (directory?.reads ?? 'users') !== 'users';
}

/** What its own variables come to together, and together with those of every provider. */
function findOwnProblems(values: Values, preset: ProviderPreset): ConfigProblem[] {
  const own = presetOptions(values).values;
  const directory = preset.directory?.(own);
  const problems: ConfigProblem[] = [...(preset.findProblems?.(own) ?? [])];
  const misnamed = findMisnamed({ preset: values.IDP ?? 'generic', directory }, values.ALLOWED_GROUPS ?? []);
  if (misnamed !== undefined) problems.push({ variable: 'ALLOWED_GROUPS', ...misnamed });
  if (directory === undefined || directory.reads === 'users') return problems;
  if (values.GROUPS_CLAIM !== undefined) {
    const problem = 'is set, and groups come from the directory';
    problems.push({ variable: 'GROUPS_CLAIM', problem, fix: 'unset it, or set GOOGLE_DIRECTORY=users' });
  }
  return problems;
}
