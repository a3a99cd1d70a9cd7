import { isLoopbackHost } from './listen-address.ts';
import { ValueProblem } from './setting.ts';

/** An absolute http(s) URL whose text and parsed form mean the same thing. */
interface PlainUrl {
  readonly url: URL;
  /** The path as written, trailing slashes dropped; '' for none. */
  readonly path: string;
  readonly explicitPort: number | undefined;
  readonly loopback: boolean;
}

// \p{Cc}: URL parsers drop control characters in some places.
const shape =
  /^https?:\/\/(?:\[[0-9A-Fa-f:.]+\]|[^/?#\\@:[\]\s\p{Cc}]+)(?::(\d{1,5}))?(\/[^?#\\\s\p{Cc}]*)?$/iu;

/** Refuses what URL parsers read differently: a slash too many, user information, blanks, a query, a fragment. */
export function parsePlainUrl(text: string, example: string): PlainUrl {
  const fix = `write an absolute URL, such as ${example}`;
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(text)) {
    throw new ValueProblem('carries user information', `${fix}, without user name or password`);
  }
  if (/[?#]/.test(text)) throw new ValueProblem('has a query or a fragment', `${fix}, without ? and #`);
  const match = shape.exec(text);
  if (match === null || !URL.canParse(text)) throw new ValueProblem('is not an http or https URL', fix);
  const url = new URL(text);
  // Parsers let `"`, `;` and `$` pass in a host, and clients hand addresses to shells and pages.
  if (!/^(?:\[[\da-f:.]+\]|[\da-z._-]+)$/.test(url.hostname)) {
    throw new ValueProblem('has a host that is no name', fix);
  }
  return {
    url,
    path: (match[2] ?? '').replace(/\/+$/, ''),
    explicitPort: match[1] === undefined ? undefined : Number(match[1]),
    loopback: isLoopbackHost(url.hostname),
  };
}

export interface PublicUrl {
  /** Scheme and host in lower case, no default port. */
  readonly origin: string;
  /** As the listener takes it: no brackets. */
  readonly host: string;
  readonly explicitPort: number | undefined;
  readonly loopback: boolean;
}

/** @throws ValueProblem */
export function parsePublicUrl(text: string): PublicUrl {
  const { url, path, explicitPort, loopback } = parsePlainUrl(text, 'https://mcp.example.com');
  if (path !== '') {
    throw new ValueProblem('has a path', 'leave the path out; it comes from UPSTREAM_MCP_URL');
  }
  if (url.protocol !== 'https:' && !loopback) {
    throw new ValueProblem('is http on a host that is not loopback', 'use https');
  }
  return { origin: url.origin, host: url.hostname.replace(/^\[(.*)\]$/, '$1'), explicitPort, loopback };
}

export interface UpstreamUrl {
  readonly origin: string;
  /** Verbatim, without trailing slash. */
  readonly path: string;
  readonly loopback: boolean;
}

/** First path segments that this server answers itself: those of the table of routes, each feature's. */
export const reservedPaths: readonly string[] = [
  '/healthz',
  '/register',
  '/authorize',
  '/consent',
  '/backchannel-logout',
  '/callback',
  '/token',
  '/account',
  '/device',
  '/device_authorization',
  '/revoke',
  '/introspect',
  '/registration',
  '/.well-known',
];

/** @throws ValueProblem */
export function parseUpstreamUrl(text: string): UpstreamUrl {
  const { url, path, loopback } = parsePlainUrl(text, 'http://127.0.0.1:3000/mcp');
  if (path === '') {
    throw new ValueProblem('has no path', 'append the path of the MCP endpoint, such as /mcp');
  }
  refuseUnplainPath(path);
  refuseReservedPath(path);
  return { origin: url.origin, path, loopback };
}

/** @throws ValueProblem */
export function refuseUnplainPath(path: string): void {
  // Characters that a router, a proxy or a file system could give a meaning of their own.
  if (!/^[A-Za-z0-9\-._~/]+$/.test(path) || path.includes('//')) {
    throw new ValueProblem(
      'has a path that is not plain',
      'use letters, digits and -._~ between single slashes',
    );
  }
  // A parser resolves them, a byte comparison does not: the mount would not be where it seems.
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw new ValueProblem('has a dot segment in its path', 'write the path that it resolves to');
  }
}

/** @throws ValueProblem when this server answers the path itself */
export function refuseReservedPath(path: string): void {
  const reserved = reservedPaths.find((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  if (reserved !== undefined) {
    throw new ValueProblem(
      `has a path at or under ${reserved}, which this server answers itself`,
      'serve the MCP endpoint under another path, such as /mcp',
    );
  }
}

export interface IssuerUrl {
  /** As written, trailing slashes dropped. */
  readonly issuer: string;
  /** http to a host that is not this machine. */
  readonly cleartext: boolean;
}

/** @throws ValueProblem   @see OpenID Connect Discovery 1.0 §3: no query, no fragment */
export function parseIssuerUrl(text: string): IssuerUrl {
  const { url, loopback } = parsePlainUrl(text, 'https://login.example.com/realms/main');
  return { issuer: text.replace(/\/+$/, ''), cleartext: url.protocol === 'http:' && !loopback };
}

/** The text itself: an issuer is compared byte for byte. @throws ValueProblem */
export function parseSecureUrl(text: string, example: string): string {
  const { url, loopback } = parsePlainUrl(text, example);
  if (url.protocol !== 'https:' && !loopback) {
    throw new ValueProblem('is http on a host that is not loopback', 'use https');
  }
  return text;
}

/**
 * Reads origins exactly as browsers send them.
 * @throws ValueProblem
 */
export function parseOrigins(items: readonly string[]): readonly string[] {
  for (const [index, item] of items.entries()) {
    if (!/^https?:\/\/[^*]+$/.test(item) || !URL.canParse(item) || new URL(item).origin !== item) {
      throw new ValueProblem(
        `has an entry that is no origin (number ${index + 1})`,
        'write scheme, host and port as browsers send them, such as https://app.example.com',
      );
    }
  }
  return items;
}

/**
 * Reads values of `Host`, in lower case.
 * @throws ValueProblem
 */
export function parseHosts(items: readonly string[]): readonly string[] {
  for (const [index, item] of items.entries()) {
    if (
      !/^(?:\[[\da-f:.]+\]|[a-z\d](?:[a-z\d.-]*[a-z\d])?)(?::\d{1,5})?$/i.test(item) ||
      !URL.canParse(`http://${item}`)
    ) {
      throw new ValueProblem(
        `has an entry that is no host (number ${index + 1})`,
        'write names as clients send them, such as gatehouse.internal or 10.0.0.7:8080',
      );
    }
  }
  return items.map((item) => item.toLowerCase());
}

/** Checks the sources of a CSP list that is not used any more. @throws ValueProblem */
export function parseCspSources(items: readonly string[]): readonly string[] {
  for (const [index, item] of items.entries()) {
    const match = /^[a-z][a-z0-9+.-]*:\/\/(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(\d{1,5}))?$/i.exec(item);
    if (match === null || Number(match[1] ?? 0) > 65_535) {
      throw new ValueProblem(
        `has an entry that is no CSP source (number ${index + 1})`,
        'unset it; it has no effect any more',
      );
    }
  }
  return items;
}
