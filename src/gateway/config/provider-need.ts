import { isDeepStrictEqual } from 'node:util';

import type { GivenConfig } from './file/given-file.ts';
import { providerSettings } from './provider-settings.ts';
import type { Environment } from './read-settings.ts';
import type { SettingValues } from './schema.ts';
import type { ConfigWarning } from './config.ts';
import type { ConfigProblem, Setting } from './setting.ts';

/**
 * Whether there has to be somewhere where people log in. `described`: there is, well or badly, or has to be. `needless`:
 * every mount takes tokens of another issuer. `missing`: all but this one, by its place in the list.
 */
export type ProviderNeed =
  | { readonly kind: 'described' }
  | { readonly kind: 'needless' }
  | { readonly kind: 'missing'; readonly mount: number };

/** Variables that say which provider, or who we are there. The others say how one that there is, is meant. */
const describing = Object.keys(providerSettings).filter(
  (name) => name === 'IDP' || name === 'OIDC_ISSUER_URL' || name.startsWith('OIDC_CLIENT_'),
);

const described: ProviderNeed = { kind: 'described' };

/** Goes by what is written, whatever is wrong with it: a typo at a mount is no reason to ask for a provider. */
export function judgeProviderNeed({ env, raw }: Pick<GivenConfig, 'env' | 'raw'>): ProviderNeed {
  if (raw['identity_providers'] !== undefined || describing.some((name) => isSet(env, name)))
    return described;
  const mounts: unknown = raw['mounts'];
  if (!Array.isArray(mounts) || !mounts.some(acceptsOthers)) return described;
  const mount = mounts.findIndex((each: unknown) => !acceptsOthers(each));
  return mount === -1 ? { kind: 'needless' } : { kind: 'missing', mount };
}

/**
 * What is said about a provider that there is not. It is refused: whoever restricted its people has restricted nobody.
 * @param values of all settings; one with a problem is missing
 */
export function findNeedProblems(
  need: ProviderNeed,
  env: Environment,
  values: Partial<SettingValues>,
): readonly ConfigProblem[] {
  if (need.kind === 'described') return [];
  const read: Readonly<Record<string, unknown>> = values;
  const useless = Object.entries<Setting<unknown>>(providerSettings)
    .filter(([name, { unset }]) => isSet(env, name) && !isDeepStrictEqual(read[name], unset))
    .map(([variable]) => ({
      variable,
      problem: 'is set, and there is no identity provider',
      fix: fixFor(variable),
    }));
  if (need.kind === 'needless') return useless;
  const fix =
    'set OIDC_ISSUER_URL, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, or write identity_providers; or write accepts for it, as for the others';
  const problem = 'takes tokens of ours, and there is no identity provider to log in at';
  return [...useless, { variable: `mounts[${need.mount}]`, problem, fix }];
}

/** What is written about tokens of ours where nobody gets one. */
export function findNeedWarnings(
  need: ProviderNeed,
  { raw }: Pick<GivenConfig, 'raw'>,
  values: Partial<SettingValues>,
): readonly ConfigWarning[] {
  if (need.kind !== 'needless') return [];
  const useless = [
    ...['clients', 'trusted_issuers'].filter((section) => raw[section] !== undefined),
    ...((values.INTROSPECTION_CLIENTS?.length ?? 0) > 0 ? ['INTROSPECTION_CLIENTS'] : []),
    ...(values.DEVICE_AUTHORIZATION === true ? ['DEVICE_AUTHORIZATION'] : []),
  ];
  return useless.map((name) => ({
    event: 'token_issuing_unused',
    message: `${name} has no effect: every mount accepts tokens of another issuer, and none are issued here`,
  }));
}

function fixFor(variable: string): string {
  if (variable === 'ALLOWED_GROUPS') {
    return 'unset it, and write the groups under entry in the configuration file, which holds for tokens of every issuer';
  }
  return 'unset it: every mount accepts tokens of another issuer, and it would have no effect';
}

function acceptsOthers(mount: unknown): boolean {
  return typeof mount === 'object' && mount !== null && 'accepts' in mount;
}

function isSet(env: Environment, name: string): boolean {
  return [name, `${name}_FILE`].some((variable) => (env[variable] ?? '') !== '');
}
