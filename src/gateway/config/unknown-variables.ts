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

/** Letters that may be missing, too many or others than in the name that was meant. */
const maxDistance = 2;

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
  const meant = findClosest(name.toUpperCase(), known);
  if (meant === undefined && !families.some((family) => name.startsWith(family))) return [];
  const hint = meant === undefined ? 'see the configuration reference' : `did you mean ${meant}?`;
  return [{ event: unknownVariable, message: `${name} is set and is no variable of gatehouse: ${hint}` }];
}

function findClosest(name: string, known: readonly string[]): string | undefined {
  let closest: string | undefined;
  let distance = maxDistance + 1;
  for (const candidate of known) {
    // Most names are not worth comparing.
    if (Math.abs(candidate.length - name.length) >= distance) continue;
    const found = measureDistance(name, candidate);
    if (found < distance) [closest, distance] = [candidate, found];
  }
  return closest;
}

/** Levenshtein: how many letters have to be put in, taken out or replaced. */
function measureDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 0; i < left.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < right.length; j += 1) {
      const replaced = (row[j] ?? 0) + (right[j] === left[i] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
