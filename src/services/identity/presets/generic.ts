import { plainOpenId, type ProviderPreset } from './preset.ts';

/** Any OpenID provider, told about by the general variables alone. */
export const generic: ProviderPreset = {
  ...plainOpenId,
  title: 'any OpenID provider',
  variables: {},
  deriveIssuer: () => undefined,
  consoleHints: {},
};
