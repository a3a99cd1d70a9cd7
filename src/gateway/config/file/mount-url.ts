import { ValueProblem } from '../setting.ts';
import { parsePlainUrl, refuseUnplainPath, type UpstreamUrl } from '../url-values.ts';

/** Where the public reaches a mount. */
export interface MountUrl {
  /** Scheme and host in lower case, no default port. Undefined: the issuer's. */
  readonly origin: string | undefined;
  /** Verbatim, without trailing slash. */
  readonly path: string;
}

/**
 * Reads a path at the issuer, or an absolute URL at a host of its own.
 * @throws ValueProblem
 */
export function parseMountUrl(text: string): MountUrl {
  if (text.startsWith('/')) {
    const path = text.replace(/\/+$/, '');
    if (path === '') throw noPath('/mcp');
    refuseUnplainPath(path);
    return { origin: undefined, path };
  }
  const { url, path, loopback } = parsePlainUrl(
    text,
    'https://files.example.com/mcp, or a path such as /files/mcp',
  );
  if (path === '') throw noPath('/mcp');
  refuseUnplainPath(path);
  if (url.protocol !== 'https:' && !loopback) {
    throw new ValueProblem('is http on a host that is not loopback', 'use https');
  }
  return { origin: url.origin, path };
}

/**
 * Reads the URL of the MCP server behind a mount. Its path is nobody's but the upstream's.
 * @throws ValueProblem
 */
export function parseMountUpstream(text: string): UpstreamUrl {
  const { url, path, loopback } = parsePlainUrl(text, 'http://127.0.0.1:3000/mcp');
  if (path === '') throw noPath('/mcp');
  refuseUnplainPath(path);
  return { origin: url.origin, path, loopback };
}

function noPath(example: string): ValueProblem {
  return new ValueProblem('has no path', `append the path of the MCP endpoint, such as ${example}`);
}
