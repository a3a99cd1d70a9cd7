import { listWho } from '../../../services/policy/rule.ts';
import type { ConfigWarning, MountConfig, ProviderConfig } from '../config.ts';
import {
  assembleIdentityProvider,
  findIdentityProviderProblems,
  findIdentityProviderWarnings,
  type ProviderSettings,
} from '../identity-provider-config.ts';
import { findProvidersOf } from '../people-of-mount.ts';
import { keyOfSetting, providerSettings } from '../provider-settings.ts';
import { type Environment, judgeSettings, type ReadFile, readSecretText } from '../read-settings.ts';
import type { SettingValues } from '../schema.ts';
import { type ConfigProblem, type Setting, ValueProblem } from '../setting.ts';
import type { GivenConfig } from './given-file.ts';
import { findGoodProviders, type ProviderEntry } from './identity-providers-section.ts';

export interface IdentityProvidersReading {
  /** Of the file. None: the variables describe the one there is. */
  readonly providers: readonly ProviderConfig[];
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigWarning[];
  /** Files with secrets that were read. */
  readonly secretFiles: readonly string[];
}

type Given = Pick<GivenConfig, 'env' | 'raw' | 'locate'>;
type Values = Partial<SettingValues>;

const variables = Object.keys(providerSettings);

/** Whether the file describes identity providers, well or badly. */
export function hasProviderSection({ raw }: Pick<GivenConfig, 'raw'>): boolean {
  return raw['identity_providers'] !== undefined;
}

/** What is left of settings and their problems when the file takes the place of those that describe one provider. */
export function leaveProviderSettingsOut<Item extends { readonly variable: string }>(
  items: readonly Item[],
): readonly Item[] {
  return items.filter(({ variable }) => !variables.includes(variable));
}

export function leaveProviderValuesOut(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !variables.includes(name)));
}

/** The identity providers of the file. @param values of the settings; those of one provider mean nothing here */
export function readIdentityProviders(
  given: Given,
  values: Values,
  readFile: ReadFile,
): IdentityProvidersReading {
  if (!hasProviderSection(given)) return { providers: [], problems: [], warnings: [], secretFiles: [] };
  const listed = findGoodProviders(given.raw['identity_providers']);
  const problems: ConfigProblem[] = findForeignVariables(given.env);
  const warnings: ConfigWarning[] = [];
  const providers: ProviderConfig[] = [];
  const common = leaveProviderValuesOut(values);
  for (const [index, entry] of listed) {
    const own: Values = { ...common, ...unsetValues(), ...entry.values };
    const found = [...readSecrets(entry, own, readFile), ...findProblems(own)];
    const config = assembleIdentityProvider(own as ProviderSettings & SettingValues, nameOf(entry, own));
    found.push(...findClashes(config, providers));
    problems.push(...found.map((problem) => locate(given, index, problem)));
    warnings.push(...findWarnings(entry, own));
    providers.push(config);
  }
  return {
    providers,
    problems,
    warnings,
    secretFiles: listed.flatMap(([, entry]) => secretFilesOf(entry).map(([, , path]) => path)),
  };
}

/** Problems of mounts and identity providers together. */
export function findChoiceProblems(
  given: Pick<GivenConfig, 'locate'>,
  mounts: readonly MountConfig[],
  providers: readonly ProviderConfig[],
): readonly ConfigProblem[] {
  return mounts.flatMap((mount, index) => [
    ...(mount.identityProviders ?? []).flatMap((name, at) => {
      if (providers.some((provider) => provider.name === name)) return [];
      const fix = 'write names of the section identity_providers';
      const path = ['mounts', index, 'identity_providers', at];
      return [given.locate({ path, problem: 'is no identity provider', fix })];
    }),
    ...(mount.accepts !== undefined && mount.identityProviders !== undefined
      ? [given.locate({ path: ['mounts', index, 'identity_providers'], ...withoutLogins })]
      : []),
    ...(findProvidersOf(mount, providers).length > 1 && namesBareSubjects(mount)
      ? [given.locate({ path: ['mounts', index, 'policy'], ...bareSubjects })]
      : []),
  ]);
}

const withoutLogins = {
  problem: 'is there, and the mount accepts tokens of another issuer',
  fix: 'remove it: nobody logs in here for that mount',
};

const bareSubjects = {
  problem:
    'names subjects without their issuer, and people of this mount log in at several identity providers',
  fix: 'write { issuer: …, subject: … }, or name one of the providers in identity_providers of the mount',
};

/** What the operator should know of a mount at which several identity providers' people meet. */
export function findChoiceWarnings(
  mounts: readonly MountConfig[],
  providers: readonly ProviderConfig[],
): readonly ConfigWarning[] {
  return mounts
    .filter((mount) => mount.headers.identity && findProvidersOf(mount, providers).length > 1)
    .map(({ name }) => ({
      event: 'identity_providers_mixed',
      message: `mount ${name} lets in people of several identity providers: its upstream gets the subjects and groups of all of them and cannot tell them apart`,
    }));
}

function namesBareSubjects({ policy }: MountConfig): boolean {
  return (policy?.rules ?? [])
    .flatMap(listWho)
    .some(({ subjects }) => subjects?.some(({ issuer }) => issuer === undefined) === true);
}

/** Which of the two is meant would be anybody's guess. */
function findForeignVariables(env: Environment): ConfigProblem[] {
  return Object.entries<Setting<unknown>>(providerSettings).flatMap(([variable, { secret }]) =>
    [variable, ...(secret === true ? [`${variable}_FILE`] : [])]
      .filter((name) => (env[name] ?? '') !== '')
      .map((name) => ({
        variable: name,
        problem: 'is set, and the configuration file has identity_providers',
        fix: `unset it, and write it as ${keyOfSetting(variable)} of the provider that it is for`,
      })),
  );
}

function unsetValues(): Values {
  const entries = Object.entries<Setting<unknown>>(providerSettings).filter(([, each]) => 'unset' in each);
  return Object.fromEntries(entries.map(([variable, { unset }]) => [variable, unset]));
}

/** Of this provider alone: what is about the other settings is told once, where they are judged. */
function findProblems(own: Values): ConfigProblem[] {
  const judged = judgeSettings(onlyOwn(own)).problems;
  return [...judged, ...findIdentityProviderProblems(own)].filter(({ variable }) =>
    variables.includes(variable),
  );
}

function findWarnings({ name }: ProviderEntry, own: Values): ConfigWarning[] {
  const withoutGroups =
    own.PROD_MODE === true && own.ALLOWED_GROUPS?.length === 0 && own.GOOGLE_HOSTED_DOMAIN === undefined;
  const common = judgeSettings({ PROD_MODE: own.PROD_MODE } as Values).warnings.map(({ message }) => message);
  return [
    ...judgeSettings(onlyOwn(own)).warnings.filter(({ message }) => !common.includes(message)),
    ...findIdentityProviderWarnings(own),
    ...(withoutGroups
      ? [{ event: 'allowed_groups_unset', message: 'every account of the provider may enter' }]
      : []),
  ].map(({ event, message }) => ({ event, message: `identity provider ${name}: ${message}` }));
}

function onlyOwn(own: Values): Values {
  const entries = Object.entries(own).filter(([name]) => name === 'PROD_MODE' || variables.includes(name));
  return Object.fromEntries(entries);
}

/** Puts each secret in the place of its file's path. */
function readSecrets(entry: ProviderEntry, own: Values, readFile: ReadFile): ConfigProblem[] {
  const words = {
    unreadable: (what: string) => `names a file that ${what}`,
    empty: 'names a file that is empty',
  };
  return secretFilesOf(entry).flatMap(([variable, setting, path]) => {
    try {
      const text = readSecretText(path, readFile, words);
      Object.assign(own, { [variable]: setting.parse(text, () => {}) });
      return [];
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      Reflect.deleteProperty(own, variable);
      return [{ variable, problem: error.problem, fix: error.fix }];
    }
  });
}

function secretFilesOf({
  values,
}: ProviderEntry): ReadonlyArray<readonly [variable: string, setting: Setting<unknown>, path: string]> {
  return Object.entries<Setting<unknown>>(providerSettings).flatMap(([variable, setting]) => {
    const path = setting.secret === true ? values[variable] : undefined;
    return typeof path === 'string' ? [[variable, setting, path] as const] : [];
  });
}

function nameOf({ name, title }: ProviderEntry, own: Values): Pick<ProviderConfig, 'name' | 'title'> {
  const { title: usual } = assembleIdentityProvider(own as ProviderSettings & SettingValues);
  return { name, title: title ?? usual };
}

/** People are told apart by issuer and subject, and logouts by issuer: with two of one issuer nobody could. */
function findClashes(own: ProviderConfig, earlier: readonly ProviderConfig[]): ConfigProblem[] {
  const isSameIssuer = (other: ProviderConfig): boolean => spell(other.issuer) === spell(own.issuer);
  return [
    ...(earlier.some(({ name }) => name === own.name)
      ? [
          {
            variable: 'name',
            problem: 'is the name of another provider',
            fix: 'give each a name of its own',
          },
        ]
      : []),
    ...(own.issuer !== '' && earlier.some(isSameIssuer)
      ? [
          {
            variable: own.preset === 'generic' ? 'OIDC_ISSUER_URL' : 'IDP',
            problem: 'comes to the issuer of another provider',
            fix: 'keep one of the two: who somebody is, is issuer and subject, whatever the client',
          },
        ]
      : []),
  ];
}

function spell(issuer: string): string {
  return URL.parse(issuer)?.href.replace(/\/+$/, '') ?? issuer;
}

/** The words of the variables, as the keys are called. */
function locate(given: Given, index: number, { variable, problem, fix }: ConfigProblem): ConfigProblem {
  const path = ['identity_providers', index, keyOfSetting(variable)];
  return given.locate({ path, problem: speakOfKeys(problem), fix: speakOfKeys(fix) });
}

function speakOfKeys(text: string): string {
  return text.replaceAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b/g, (word) => {
    const variable = [word, word.replace(/_FILE$/, '')].find((name) => variables.includes(name));
    return variable === undefined ? word : keyOfSetting(variable);
  });
}
