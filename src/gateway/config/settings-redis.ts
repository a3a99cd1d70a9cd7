import { onUnlessFalse } from './boolean-setting.ts';
import { parseRedisUrl, parseRedisUrls, type RedisUrl } from './redis-url.ts';
import { type Setting, ValueProblem } from './setting.ts';

const required = onUnlessFalse('REDIS_REQUIRED', {
  description:
    '`true` stops the start when no Redis is configured, so that a deployment of several processes cannot come up with a memory for each.',
});

/** State that several processes share. With one of the URLs, `STORE_PATH` is not used. */
export const redisSettings = {
  REDIS_URL: {
    description:
      'One Redis or Valkey server that keeps the state, for any number of processes; see [redis.md](redis.md). User and password are percent-encoded. Parameters of connection pools are accepted and have no effect.',
    accepts: '`redis://user:password@host:port/database`, or `rediss://` for TLS',
    secret: true,
    unset: undefined,
    parse: parseRedisUrl,
  } satisfies Setting<RedisUrl | undefined>,
  REDIS_CLUSTER_URLS: {
    description:
      'Some nodes of a Redis Cluster, in place of `REDIS_URL`; the others are found through them. User, password and encryption are those of every node.',
    accepts: 'comma-separated Redis URLs without database',
    separator: ',',
    secret: true,
    unset: undefined,
    parse: (text, warn) => {
      const urls = parseRedisUrls(text, warn);
      if (urls[0].database === 0) return urls;
      throw new ValueProblem('names a database', 'leave it out: a cluster has no other than 0');
    },
  } satisfies Setting<readonly [RedisUrl, ...RedisUrl[]] | undefined>,
  REDIS_SENTINEL_URLS: {
    description:
      'The sentinels that know where the primary is, in place of `REDIS_URL`. User and password are those of the sentinels; the encryption and the database are also those of the primary.',
    accepts: 'comma-separated Redis URLs; the port of sentinels is mostly 26379',
    separator: ',',
    secret: true,
    unset: undefined,
    parse: parseRedisUrls,
  } satisfies Setting<readonly [RedisUrl, ...RedisUrl[]] | undefined>,
  REDIS_SENTINEL_MASTER: {
    description: 'The name under which the sentinels watch the primary.',
    accepts: 'text',
    unset: undefined,
    parse: (text) => text,
  } satisfies Setting<string | undefined>,
  REDIS_USERNAME: {
    description: 'The user at the primary that sentinels name.',
    accepts: 'text',
    unset: undefined,
    parse: (text) => text,
  } satisfies Setting<string | undefined>,
  REDIS_PASSWORD: {
    description: 'The password at the primary that sentinels name.',
    accepts: 'text',
    secret: true,
    unset: undefined,
    parse: (text) => text,
  } satisfies Setting<string | undefined>,
  REDIS_CA: {
    description:
      'The authorities that may have signed the certificates of Redis. Mostly given as a file, with `REDIS_CA_FILE`. Unset: those of the system.',
    accepts: 'certificates in PEM',
    secret: true,
    unset: undefined,
    parse: (text) => {
      if (/-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(text)) return text;
      throw new ValueProblem(
        'is no certificate',
        'give the authority in PEM, or its file with REDIS_CA_FILE',
      );
    },
  } satisfies Setting<string | undefined>,
  REDIS_REQUIRED: {
    ...required,
    accepts: '`true` or `false`',
    defaultText: 'false',
    unset: false,
  } satisfies Setting<boolean>,
  REDIS_KEY_PREFIX: {
    description:
      'Before every key and channel. Deployments that share a Redis need one each; a change logs everybody out.',
    accepts: 'printable ASCII without `{` and `}`; may be empty',
    defaultText: 'mcp-auth-proxy:',
    emptyIsValue: true,
    unset: 'mcp-auth-proxy:',
    parse: (text) => {
      if (/^[\x20-\x7e]*$/.test(text) && !/[{}]/.test(text)) return text;
      throw new ValueProblem('has characters that are not allowed', 'use printable ASCII without { and }');
    },
  } satisfies Setting<string>,
};
