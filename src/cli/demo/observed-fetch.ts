import type { HopName, Hops } from './hops.ts';
import type { Stack } from './stack.ts';

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** Names the hop of a request and finds what is wrong with its response. */
interface HopRule {
  readonly hop: HopName;
  readonly matches: (target: Target) => boolean;
  readonly findFault: (response: Response, stack: Stack) => string | undefined | Promise<string | undefined>;
}

interface Target {
  readonly path: string;
  readonly isMcp: boolean;
  readonly hasToken: boolean;
  readonly rpcMethod: string | undefined;
}

/** A `fetch` for the MCP client that reports each request it knows as a hop; any other goes through unseen. */
export function createObservedFetch(stack: Stack, hops: Hops): Fetch {
  return (url, init) => {
    const target = describeTarget(new URL(url), init, stack);
    const rule = rules.find(({ matches }) => matches(target));
    const step = () => fetch(url, init);
    if (rule === undefined) return step();
    return hops.run(rule.hop, step, (response) => rule.findFault(response, stack));
  };
}

const rules: readonly HopRule[] = [
  {
    hop: 'challenge',
    matches: ({ isMcp, hasToken }) => isMcp && !hasToken,
    findFault: (response) => {
      if (response.status !== 401) return `status ${String(response.status)} instead of 401`;
      const challenge = response.headers.get('www-authenticate') ?? '';
      return /^Bearer .*resource_metadata="/.test(challenge) ? undefined : 'the challenge names no metadata';
    },
  },
  {
    hop: 'resource metadata',
    matches: ({ path }) => path.startsWith('/.well-known/oauth-protected-resource'),
    findFault: (response, { mcpUrl }) => findFieldFault(response, 200, { resource: mcpUrl }),
  },
  {
    hop: 'authorization server metadata',
    matches: ({ path }) => path.startsWith('/.well-known/oauth-authorization-server'),
    findFault: (response, { gatehouseUrl }) =>
      findFieldFault(response, 200, {
        issuer: gatehouseUrl,
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
      }),
  },
  {
    hop: 'register',
    matches: ({ path }) => path === '/register',
    findFault: (response) => findFieldFault(response, 201, { token_endpoint_auth_method: 'none' }),
  },
  {
    hop: 'token',
    matches: ({ path }) => path === '/token',
    findFault: (response) =>
      response.headers.get('cache-control') === 'no-store'
        ? findFieldFault(response, 200, { token_type: 'Bearer' })
        : 'the answer may be cached',
  },
  ...(['server/discover', 'tools/list', 'tools/call'] as const).map((hop): HopRule => ({
    hop,
    matches: ({ rpcMethod }) => rpcMethod === hop,
    findFault: ({ status }) => (status === 200 ? undefined : `status ${String(status)}`),
  })),
];

async function findFieldFault(
  response: Response,
  status: number,
  expected: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  if (response.status !== status) return `status ${String(response.status)}`;
  const body = (await response.clone().json()) as Readonly<Record<string, unknown>>;
  const wrong = Object.entries(expected).find(
    ([name, value]) => JSON.stringify(body[name]) !== JSON.stringify(value),
  );
  return wrong && `${wrong[0]} is not what it should be`;
}

function describeTarget(url: URL, init: RequestInit | undefined, stack: Stack): Target {
  const headers = new Headers(init?.headers);
  return {
    path: url.pathname,
    isMcp: url.href === stack.mcpUrl,
    hasToken: headers.has('authorization'),
    rpcMethod: headers.get('mcp-method') ?? undefined,
  };
}
