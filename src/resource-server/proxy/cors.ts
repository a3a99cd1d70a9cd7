/**
 * Cross-origin access to the mount, for clients in a browser. The origin is named, never `*`, and credentials of the
 * browser are never allowed: a bearer token is the only credential here.
 * @see Fetch standard, CORS protocol
 */

export const mountMethods = ['GET', 'POST', 'DELETE'] as const;

const allowedHeaders = [
  'Authorization',
  'Content-Type',
  'Accept',
  'MCP-Protocol-Version',
  'Mcp-Session-Id',
  'Last-Event-ID',
  'Mcp-Method',
  'Mcp-Name',
  'DPoP',
  'Traceparent',
  'Tracestate',
  'Baggage',
];
const exposedHeaders =
  'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, DPoP-Nonce, Retry-After, X-Request-Id';
const parameterName = /^mcp-param-[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/i;
const maxEchoedNames = 64;

/** Headers that let a page of this origin read a response; refusals need them as much as answers do. */
export function formatCorsHeaders(origin: string): readonly string[] {
  return ['Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', exposedHeaders];
}

/**
 * Headers of the answer to a preflight from an allowed origin. Request header names are listed, since `*` does not
 * cover `Authorization`; `Mcp-Param-*` names are the server's to choose and come back as they were asked for.
 * @param requestedHeaders the value of `Access-Control-Request-Headers`
 */
export function formatPreflightHeaders(requestedHeaders: string | undefined): readonly string[] {
  const parameters = (requestedHeaders ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => parameterName.test(name))
    .slice(0, maxEchoedNames);
  return [
    'Access-Control-Allow-Methods',
    mountMethods.join(', '),
    'Access-Control-Allow-Headers',
    [...allowedHeaders, ...parameters].join(', '),
    'Access-Control-Max-Age',
    '7200',
  ];
}
