import type { Setting } from './setting.ts';
import { clientAuthenticationSettings, platformSettings } from './settings-client-authentication.ts';
import { clientDocumentSettings } from './settings-client-documents.ts';
import { grantTypeSettings } from './settings-grant-types.ts';
import { grantSettings } from './settings-grants.ts';
import { identitySettings } from './settings-identity.ts';
import { legacySettings } from './settings-legacy.ts';
import { limitSettings } from './settings-limits.ts';
import { presetSettings } from './settings-presets.ts';
import { redisSettings } from './settings-redis.ts';
import { serverSettings } from './settings-server.ts';
import { streamSettings } from './settings-streams.ts';
import { tlsSettings } from './settings-tls.ts';

/** Every environment variable there is. The loader reads these and nothing else; the reference page shows them all. */
export const settings = {
  ...serverSettings,
  ...tlsSettings,
  ...streamSettings,
  ...presetSettings,
  ...identitySettings,
  ...clientAuthenticationSettings,
  ...platformSettings,
  ...grantSettings,
  ...grantTypeSettings,
  ...clientDocumentSettings,
  ...redisSettings,
  ...limitSettings,
  ...legacySettings,
} satisfies Record<string, Setting<unknown>>;

type SettingName = keyof typeof settings;

/** What the variables come to, each under its name. */
export type SettingValues = {
  readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]>;
};

type ValueOf<S extends Setting<unknown>> =
  ReturnType<S['parse']> | (S extends { readonly unset: infer Unset } ? Unset : never);

/** The chapters of the reference page. */
export const settingGroups: ReadonlyArray<{
  readonly title: string;
  readonly settings: Readonly<Record<string, Setting<unknown>>>;
}> = [
  { title: 'Server and upstream', settings: serverSettings },
  { title: 'TLS', settings: tlsSettings },
  { title: 'Streams and silent connections', settings: streamSettings },
  { title: 'Identity provider and admission', settings: { ...presetSettings, ...identitySettings } },
  {
    title: 'Client authentication',
    settings: { ...clientAuthenticationSettings, ...platformSettings },
  },
  { title: 'Keys, grants and clients', settings: grantSettings },
  { title: 'Further grant types', settings: grantTypeSettings },
  { title: 'Client ID metadata documents', settings: clientDocumentSettings },
  { title: 'State in Redis', settings: redisSettings },
  { title: 'Limits, proxies and logging', settings: limitSettings },
  { title: 'Variables of older deployments', settings: legacySettings },
];
