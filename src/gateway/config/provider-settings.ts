import type { Setting } from './setting.ts';
import { clientAuthenticationSettings } from './settings-client-authentication.ts';
import { identitySettings } from './settings-identity.ts';
import { presetSettings } from './settings-presets.ts';

const {
  IDENTITY_RECHECK: _recheck,
  IDENTITY_RECHECK_GRACE: _grace,
  IDP_EXCHANGE_RATE_PER_SEC: _rate,
  IDP_EXCHANGE_BURST: _burst,
  ...ofOneProvider
} = identitySettings;

/** The variables that describe one identity provider. The others about identity hold for every one. */
export const providerSettings = { ...presetSettings, ...ofOneProvider, ...clientAuthenticationSettings };

export type ProviderSetting = keyof typeof providerSettings;

/** In the file, where they are keys of an entry, these are called by other names. */
const ownKeys: Readonly<Record<string, string>> = { IDP: 'preset' };

/** What a variable is called as a key of the file: of a secret it is the key that names its file. */
export function keyOfSetting(variable: string): string {
  const settings: Readonly<Record<string, Setting<unknown>>> = providerSettings;
  const name = ownKeys[variable] ?? variable.replace(/^OIDC_/, '').toLowerCase();
  return settings[variable]?.secret === true ? `${name}_file` : name;
}
