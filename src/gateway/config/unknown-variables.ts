import { findClosestName } from './closest-name.ts';
import type { ConfigWarning } from './config.ts';
import type { Environment } from './read-settings.ts';
import { settings } from './schema.ts';
import type { Setting } from './setting.ts';

const unknownVariable = 'variable_unknown';

/** What begins like this can hardly be meant for another program. */
const families = [
  'OIDC_',
  'STORE_',
  'REDIS_',
  'TRUST_',
  'TRUSTED_',
  'TOKEN_SIGNING_',
  'SIGNING_KEYS_',
  'IDENTITY_RECHECK_',
  'IDP_EXCHANGE_',
  'INTROSPECTION_',
  'UPSTREAM_MCP_',
  'MCP_PER_SUBJECT_',
  'MCP_TOOL_METRICS_',
];

/** Set by Kubernetes for each service beside us: one named `redis` or `store` comes with a dozen of them. */
const serviceLink =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_[A-Z]+)?)?)$/;

/** Names are shown: whatever else may stand in an environment is not for a terminal. */
const plainName = /^\w+$/;

/**
 * Warns of variables that are set, are none of ours, and were probably meant to be. The environment belongs to other
 * programs as well, so this is never more than a warning, and a name that is not close to one of ours none at all.
 */
export function findUnknownVariables(env: Environment): ConfigWarning[] {
  const known = listKnown();
  const isKnown = new Set(known);
  return Object.keys(env)
    .filter((name) => env[name] !== undefined && env[name] !== '' && !isKnown.has(name))
    .flatMap((name) => describe(name, known));
}

function listKnown(): readonly string[] {
  return Object.entries<Setting<unknown>>(settings).flatMap(([name, { secret }]) =>
    secret === true ? [name, `${name}_FILE`] : [name],
  );
}

function describe(name: string, known: readonly string[]): ConfigWarning[] {
  if (!plainName.test(name) || serviceLink.test(name)) return [];
  const meant = findClosestName(name.toUpperCase(), known);
  if (meant === undefined && !families.some((family) => name.startsWith(family))) return [];
  const hint = meant === undefined ? 'see the configuration reference' : `did you mean ${meant}?`;
  return [{ event: unknownVariable, message: `${name} is set and is no variable of gatehouse: ${hint}` }];
}
