import { auth0 } from './auth0.ts';
import { authentik } from './authentik.ts';
import { cognito } from './cognito.ts';
import { entra } from './entra.ts';
import { generic } from './generic.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { google } from './google.ts';
import { keycloak } from './keycloak.ts';
import { okta } from './okta.ts';
import type { ProviderPreset } from './preset.ts';
import { zitadel } from './zitadel.ts';

/** Every identity provider whose ways are known, by what IDP calls it. */
export const presets = {
  generic,
  keycloak,
  okta,
  auth0,
  google,
  entra,
  cognito,
  authentik,
  zitadel,
  github,
  gitlab,
} satisfies Readonly<Record<string, ProviderPreset>>;

export type PresetName = keyof typeof presets;

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}

export function findPreset(name: PresetName): ProviderPreset {
  return presets[name];
}
