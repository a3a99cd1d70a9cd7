import type { RedisConnection } from '../../platform/store/redis-connection.ts';
import type { ConfigWarning } from './config.ts';
import { accessOf, isUnprotected, type RedisUrl } from './redis-url.ts';
import type { SettingValues } from './schema.ts';
import type { ConfigProblem } from './setting.ts';

type Values = Partial<SettingValues>;

const urlVariables = ['REDIS_URL', 'REDIS_CLUSTER_URLS', 'REDIS_SENTINEL_URLS'] as const;

/** Problems of the Redis variables together, and with `STORE_PATH`. */
export function findRedisProblems(values: Values): ConfigProblem[] {
  const set = urlVariables.filter((name) => values[name] !== undefined);
  const [first, second] = set;
  const problems: ConfigProblem[] = [];
  if (first !== undefined && second !== undefined) {
    problems.push({ variable: second, problem: `is set, and so is ${first}`, fix: 'unset one of the two' });
  }
  if (first !== undefined && values.STORE_PATH !== undefined) {
    // Which of the two remembers would be a guess, and a wrong one lets used codes be used again.
    problems.push({
      variable: 'STORE_PATH',
      problem: `is set, and so is ${first}`,
      fix: 'unset STORE_PATH to keep state in Redis, or the other to keep it in SQLite',
    });
  }
  if (values.REDIS_REQUIRED === true && urlVariables.every((name) => isUnset(values, name))) {
    problems.push({
      variable: 'REDIS_REQUIRED',
      problem: 'is true, and no Redis is configured',
      fix: 'set REDIS_URL, or unset REDIS_REQUIRED to keep state in SQLite (STORE_PATH)',
    });
  }
  if (values.REDIS_SENTINEL_URLS !== undefined && isUnset(values, 'REDIS_SENTINEL_MASTER')) {
    problems.push({
      variable: 'REDIS_SENTINEL_MASTER',
      problem: 'is not set, and REDIS_SENTINEL_URLS is',
      fix: 'set it to the name that the sentinels monitor, often mymaster',
    });
  }
  return problems;
}

export function findRedisWarnings(values: Values): ConfigWarning[] {
  const warnings: ConfigWarning[] = [];
  const urls = [values.REDIS_URL, values.REDIS_CLUSTER_URLS?.[0], values.REDIS_SENTINEL_URLS?.[0]].filter(
    (url) => url !== undefined,
  );
  const password = values.REDIS_PASSWORD;
  if (urls.some((url) => isUnprotected({ ...url, password: url.password ?? password }))) {
    warnings.push({
      event: 'redis_unprotected',
      message:
        'Redis is on another machine, without password and TLS: whoever reaches it can end or revive grants',
    });
  }
  const needsNone = values.REDIS_SENTINEL_URLS === undefined;
  if (needsNone && (values.REDIS_USERNAME !== undefined || password !== undefined)) {
    warnings.push({
      event: 'redis_credentials_ignored',
      message: 'REDIS_USERNAME and REDIS_PASSWORD count with REDIS_SENTINEL_URLS only; put them into the URL',
    });
  }
  if (values.REDIS_CA !== undefined && !urls.some((url) => url.encrypted)) {
    warnings.push({ event: 'redis_ca_ignored', message: 'REDIS_CA has no effect without rediss://' });
  }
  return warnings;
}

/** How the configured Redis is reached; undefined when there is none. */
export function assembleRedis(values: SettingValues): RedisConnection | undefined {
  const ca = values.REDIS_CA;
  const { REDIS_URL: url, REDIS_CLUSTER_URLS: nodes, REDIS_SENTINEL_URLS: sentinels } = values;
  if (url !== undefined) {
    const { address, database } = url;
    return { ...accessOf(url, ca), shape: 'standalone', address, database };
  }
  if (nodes !== undefined) {
    return { ...accessOf(nodes[0], ca), shape: 'cluster', addresses: nodes.map(addressOf) };
  }
  if (sentinels === undefined) return undefined;
  const sentinelAccess = accessOf(sentinels[0], ca);
  return {
    username: values.REDIS_USERNAME,
    password: values.REDIS_PASSWORD,
    tls: sentinelAccess.tls,
    shape: 'sentinel',
    sentinels: sentinels.map(addressOf),
    primaryName: values.REDIS_SENTINEL_MASTER ?? '',
    sentinelAccess,
    database: sentinels[0].database,
  };
}

function addressOf(url: RedisUrl): RedisUrl['address'] {
  return url.address;
}

/** Read, and not set: a variable with a problem of its own was not read, and says nothing here. */
function isUnset(values: Values, variable: keyof Values): boolean {
  return Object.hasOwn(values, variable) && values[variable] === undefined;
}
