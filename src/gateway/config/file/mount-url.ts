import { isIP } from 'node:net';

import { ValueProblem } from '../setting.ts';
import { parsePlainUrl, refuseUnplainPath, type UpstreamUrl } from '../url-values.ts';

/** Where the public reaches a mount. */
export interface MountUrl {
  /** Scheme and host in lower case, no default port; `https://*.example.com` for every host of that form. Undefined: the issuer's. */
  readonly origin: string | undefined;
  /** Verbatim, without trailing slash. */
  readonly path: string;
  /** Whether a `*` stands for the first label of its host. */
  readonly isWildcard: boolean;
}

/**
 * Reads a path at the issuer, or an absolute URL at a host of its own, or at every host that differs in its first label.
 * @throws ValueProblem
 */
export function parseMountUrl(text: string): MountUrl {
  if (text.startsWith('/')) {
    const path = text.replace(/\/+$/, '');
    if (path === '') throw noPath('/mcp');
    refuseUnplainPath(path);
    return { origin: undefined, path, isWildcard: false };
  }
  if (text.includes('*')) return parseWildcardUrl(text);
  const { url, path, loopback } = parsePlainUrl(
    text,
    'https://files.example.com/mcp, or a path such as /files/mcp',
  );
  if (path === '') throw noPath('/mcp');
  refuseUnplainPath(path);
  refuseCleartext(url, loopback);
  return { origin: url.origin, path, isWildcard: false };
}

const wildcardExample = 'https://*.mcp.example.com/mcp';

/** One label, the first, as certificates have it: a `*` elsewhere, or beside others, means a different thing to each reader. */
function parseWildcardUrl(text: string): MountUrl {
  const [, scheme = '', rest = '*'] = /^(https?:\/\/)\*\.(.*)$/i.exec(text) ?? [];
  if (rest.includes('*')) {
    throw new ValueProblem('has a * that is not the first label of its host', `write ${wildcardExample}`);
  }
  const { url, path } = parsePlainUrl(scheme + rest, wildcardExample);
  if (path === '') throw noPath('/mcp');
  refuseUnplainPath(path);
  const { hostname } = url;
  if (isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0) {
    throw new ValueProblem('has a * before an address', `write ${wildcardExample}`);
  }
  if (!/^[^.]+(?:\.[^.]+)+$/.test(hostname)) {
    const fix = `write ${wildcardExample}: with less behind the *, it would be a whole top-level domain`;
    throw new ValueProblem('has a * without two labels behind it', fix);
  }
  refuseCleartext(url, hostname.endsWith('.localhost'));
  return { origin: url.origin.replace('://', '://*.'), path, isWildcard: true };
}

/** Where an upstream has the label of the host that was called. */
const placeholder = '{label}';
/** In its place for a parser that knows only hosts and paths. */
const standIn = 'label-of-the-host';

/**
 * Reads the URL of the MCP server behind a mount. Its path is nobody's but the upstream's. `{label}` may be in it once.
 * @throws ValueProblem
 */
export function parseMountUpstream(text: string): UpstreamUrl {
  const [before = '', after, ...more] = text.split(placeholder);
  if (more.length > 0 || (after !== undefined && text.toLowerCase().includes(standIn))) {
    throw new ValueProblem('has {label} twice', 'write it once, in the host or in the path');
  }
  const { url, path, loopback } = parsePlainUrl(
    after === undefined ? text : before + standIn + after,
    'http://127.0.0.1:3000/mcp',
  );
  if (path === '') throw noPath('/mcp');
  refuseUnplainPath(path);
  if (after === undefined) return { origin: url.origin, path, loopback };
  refuseLooseLabel(url.hostname);
  return { origin: putBack(url.origin), path: putBack(path), loopback };
}

/** Whether calls for each label go to a host of their own. */
export function hasLabelInHost({ origin }: Pick<UpstreamUrl, 'origin'>): boolean {
  return origin.includes(placeholder);
}

export function hasLabel({ origin, path }: Pick<UpstreamUrl, 'origin' | 'path'>): boolean {
  return `${origin}${path}`.includes(placeholder);
}

/**
 * A label fills a label, or a part of one between hyphens. Never the last: alone it would be any host of the network, and
 * behind numbers an address.
 */
function refuseLooseLabel(hostname: string): void {
  const labels = hostname.split('.');
  const at = labels.findIndex((each) => each.includes(standIn));
  if (at === -1) return;
  const isWhole = /^(?:[a-z\d]+-)*label-of-the-host(?:-[a-z\d]+)*$/.test(labels[at] ?? '');
  if (isWhole && at < labels.length - 1 && labels.at(-1) !== '') return;
  throw new ValueProblem(
    'has {label} where it could be more than a label',
    'write it as a label of the host, or set off by hyphens, with a domain behind it: http://{label}.internal:3000/mcp',
  );
}

function putBack(text: string): string {
  return text.replace(standIn, placeholder);
}

function refuseCleartext({ protocol }: URL, isLocal: boolean): void {
  if (protocol === 'https:' || isLocal) return;
  throw new ValueProblem('is http on a host that is not loopback', 'use https');
}

function noPath(example: string): ValueProblem {
  return new ValueProblem('has no path', `append the path of the MCP endpoint, such as ${example}`);
}
