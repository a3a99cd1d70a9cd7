import type { RedisAccess, RedisAddress } from '../../platform/store/redis-connection.ts';
import { isLoopbackHost } from './listen-address.ts';
import { splitList } from './plain-values.ts';
import { ValueProblem, type Warn } from './setting.ts';

/** One Redis URL, read. */
export interface RedisUrl {
  readonly address: RedisAddress;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly encrypted: boolean;
}

const defaultPort = 6379;
const fix = 'write redis://user:password@host:6379/0, or rediss:// for TLS';

/** Of the predecessor's client: sizes and times of a pool that does not exist here. */
const poolParameters =
  /^(max_retries|(min|max)_retry_backoff|(dial|read|write|pool|idle)_timeout|context_timeout_enabled|pool_(fifo|size)|(min|max)_idle_conns|max_active_conns|conn_max_(idle_time|lifetime)|max_conn_age|idle_check_frequency|protocol|client_name)$/;

/**
 * Reads `redis[s]://[[user][:password]@][host][:port][/database]`. User and password may be percent-encoded.
 * @throws ValueProblem
 */
export function parseRedisUrl(text: string, warn: Warn): RedisUrl {
  if (!/^rediss?:\/\//i.test(text)) throw new ValueProblem('is not a Redis URL', fix);
  const url = tryUrl(text);
  if (url === undefined || url.hash !== '') throw new ValueProblem('is not a Redis URL', fix);
  checkParameters(url, warn);
  return {
    address: {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost',
      port: url.port === '' ? defaultPort : Number(url.port),
    },
    database: readDatabase(url),
    username: decode(url.username),
    password: decode(url.password),
    encrypted: url.protocol === 'rediss:',
  };
}

/**
 * Reads URLs of one deployment, separated by commas: user, password and encryption must be the same in all of them.
 * @throws ValueProblem
 */
export function parseRedisUrls(text: string, warn: Warn): readonly [RedisUrl, ...RedisUrl[]] {
  const [first, ...others] = splitList(text).map((item) => parseRedisUrl(item, warn));
  if (first === undefined) throw new ValueProblem('has no entry', fix);
  const facts = ({ username, password, encrypted, database }: RedisUrl): string =>
    JSON.stringify([username, password, encrypted, database]);
  const different = others.findIndex((other) => facts(other) !== facts(first));
  if (different !== -1) {
    throw new ValueProblem(
      `has entries that differ in more than host and port (number ${different + 2})`,
      'write the same scheme, user, password and database in every entry',
    );
  }
  return [first, ...others];
}

/** How servers are spoken to that are reached by this URL. */
export function accessOf(url: RedisUrl, ca: string | undefined): RedisAccess {
  const { username, password } = url;
  return { username, password, tls: url.encrypted ? { ca } : undefined };
}

/** Whether anybody on the network can read and write what is kept there. */
export function isUnprotected(url: RedisUrl): boolean {
  return !url.encrypted && url.password === undefined && !isLoopbackHost(url.address.host);
}

function tryUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function checkParameters(url: URL, warn: Warn): void {
  for (const name of url.searchParams.keys()) {
    if (name === 'db') continue;
    if (!poolParameters.test(name)) {
      throw new ValueProblem(
        'has a parameter that is not known',
        'leave out everything from ? on; certificates are always checked, see REDIS_CA',
      );
    }
    warn({
      event: 'redis_url_parameter_ignored',
      message: 'a Redis URL has parameters of a connection pool; they have no effect',
    });
  }
}

function readDatabase(url: URL): number {
  const text = url.searchParams.get('db') ?? url.pathname.replace(/^\//, '');
  if (text === '') return 0;
  if (!/^\d{1,5}$/.test(text)) throw new ValueProblem('has a database that is no number', fix);
  return Number(text);
}

function decode(text: string): string | undefined {
  try {
    return text === '' ? undefined : decodeURIComponent(text);
  } catch {
    throw new ValueProblem('has a user or a password that is not percent-encoded', fix);
  }
}
