import { type ForwardingHeader, isCidr, isEveryAddress } from '../../platform/http/client-address.ts';
import { offUnlessTrue, onUnlessFalse } from './boolean-setting.ts';
import type { GatehouseConfig } from './config.ts';
import { parseInteger, splitList } from './plain-values.ts';
import { type Setting, ValueProblem, type Warn } from './setting.ts';

type LogLevel = GatehouseConfig['logging']['level'];

/** Limits, whom to believe about addresses, and the log. */
export const limitSettings = {
  RATE_LIMIT_ENABLED: onUnlessFalse('RATE_LIMIT_ENABLED', {
    description: 'Limits the requests of one address per minute, for each endpoint.',
    warnAbout: (on) =>
      on
        ? undefined
        : {
            event: 'rate_limit_disabled',
            message: 'RATE_LIMIT_ENABLED=false: no address is ever slowed down',
          },
  }),
  MCP_PER_SUBJECT_CONCURRENCY: {
    description:
      'How many MCP calls one person may have under way in each replica; event streams count apart. 0: no limit.',
    accepts: 'integer, 0 or more',
    defaultText: '16',
    unset: 16,
    parse: (text) => parseInteger(text, 0),
  } satisfies Setting<number>,
  MCP_PER_SUBJECT_STREAMS: {
    description: 'How many event streams (GET) one person may hold open in each replica. 0: no limit.',
    accepts: 'integer, 0 or more',
    defaultText: '64',
    unset: 64,
    parse: (text) => parseInteger(text, 0),
  } satisfies Setting<number>,
  TOKEN_CACHE_ENTRIES: {
    description:
      'How many access tokens each process remembers having opened, about 2 KiB each: a call with one of those costs less. It says nothing of who may call; expiry and revocation are judged on every call. 0: none.',
    accepts: 'integer, 0 to 1000000',
    defaultText: '10000',
    unset: 10_000,
    parse: (text) => parseInteger(text, 0, 1_000_000),
  } satisfies Setting<number>,
  MAX_CONNECTIONS_PER_ADDRESS: {
    description:
      'How many connections one address may hold to each process, IPv6 by its /64; more are closed at once. Proxies of `TRUSTED_PROXY_CIDRS` and this machine are not held to it. 0: no limit.',
    accepts: 'integer, 0 or more',
    defaultText: '1024',
    unset: 1024,
    parse: (text) => parseInteger(text, 0),
  } satisfies Setting<number>,
  MAX_CONNECTIONS: {
    description:
      'How many connections each process holds; more are closed at once. Never more than its limit of open files allows for, two for each connection, which is what 0 says; raise that limit (`ulimit -n`) for more.',
    accepts: 'integer, 0 or more',
    defaultText: '0',
    unset: 0,
    parse: (text) => parseInteger(text, 0),
  } satisfies Setting<number>,
  TRUSTED_PROXY_CIDRS: {
    description:
      'Networks of the reverse proxies in front of this server. From these, and only these, the forwarding header is believed.',
    accepts: 'comma-separated networks in CIDR notation',
    separator: ',',
    unset: [],
    parse: parseCidrs,
    warnAbout: (cidrs) =>
      cidrs.some(isEveryAddress)
        ? {
            event: 'trusted_proxy_cidrs_everyone',
            message:
              'TRUSTED_PROXY_CIDRS covers every address: anybody can choose the address they count for',
          }
        : undefined,
  } satisfies Setting<readonly string[]>,
  TRUSTED_PROXY_HEADER: {
    description: 'The header in which the trusted proxies name the client, read from right to left.',
    accepts: '`X-Forwarded-For`, `X-Real-IP` or `True-Client-IP`',
    defaultText: 'X-Forwarded-For',
    unset: 'x-forwarded-for',
    parse: parseForwardingHeader,
  } satisfies Setting<ForwardingHeader>,
  TRUST_PROXY_HEADERS: offUnlessTrue('TRUST_PROXY_HEADERS', {
    description:
      'Deprecated: believes the forwarding header of every peer. Without effect while `TRUSTED_PROXY_CIDRS` is set.',
    production: '`true` without `TRUSTED_PROXY_CIDRS`',
  }),
  LOG_LEVEL: {
    description: 'The least severe messages that are logged.',
    accepts: '`trace`, `debug`, `info`, `warn`, `error` or `fatal`; anything else counts as `info`',
    defaultText: 'info',
    unset: 'info',
    parse: readLogLevel,
  } satisfies Setting<LogLevel>,
  ACCESS_LOG_SKIP_RE: {
    description:
      'Requests whose path matches are left out of the access log; metrics still count them. A JavaScript regular expression, found anywhere in the path: `^/healthz$`. Spellings of RE2 that JavaScript does not have are refused at start-up: write `^` and `$` for `\\A` and `\\z`, `[A-Za-z]` for `[[:alpha:]]`, `(?i:…)` for `(?i)…`, `(?<name>…)` for `(?P<name>…)`.',
    accepts: 'regular expression',
    unset: undefined,
    parse: parsePattern,
  } satisfies Setting<RegExp | undefined>,
  MCP_LOG_BODY_MAX: {
    description:
      'JSON-RPC requests up to this many bytes are read for the method and tool in the access log. 0: none.',
    accepts: 'integer, 0 or more',
    defaultText: '65536',
    unset: 65_536,
    parse: (text) => parseInteger(text, 0),
  } satisfies Setting<number>,
};

function parseCidrs(text: string): readonly string[] {
  const cidrs = splitList(text);
  const wrong = cidrs.findIndex((cidr) => !isCidr(cidr));
  if (wrong !== -1) {
    throw new ValueProblem(
      `has an entry that is no network (number ${wrong + 1})`,
      'write networks in CIDR notation, such as 10.0.0.0/8 or 2001:db8::/32; a single address is 10.0.0.7/32',
    );
  }
  return cidrs;
}

function parseForwardingHeader(text: string): ForwardingHeader {
  const name = text.toLowerCase();
  if (name === 'x-forwarded-for' || name === 'x-real-ip' || name === 'true-client-ip') return name;
  throw new ValueProblem(
    'is not a header that is understood',
    'use X-Forwarded-For, X-Real-IP or True-Client-IP',
  );
}

// The names of the predecessor's logger, and those of ours.
const logLevels: Readonly<Record<string, LogLevel>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  dpanic: 'fatal',
  panic: 'fatal',
  fatal: 'fatal',
};

function readLogLevel(text: string, warn: Warn): LogLevel {
  const name = text.toLowerCase();
  const level = Object.hasOwn(logLevels, name) ? logLevels[name] : undefined;
  if (level !== undefined) return level;
  warn({ event: 'log_level_unknown', message: 'LOG_LEVEL is no level that is known; info is used' });
  return 'info';
}

function parsePattern(text: string): RegExp | undefined {
  const pattern = text.trim();
  if (pattern === '') return undefined;
  try {
    return new RegExp(pattern, 'u');
  } catch {
    throw new ValueProblem(
      'is not a JavaScript regular expression',
      'check brackets and escapes; (?i), \\A, \\z and [[:alpha:]] of RE2 do not exist here',
    );
  }
}
