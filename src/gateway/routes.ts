import type { Handler } from '../platform/http/handler.ts';
import type { EndpointName } from '../services/audit/events.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { checkNotInBackground } from '../services/requests/background-request.ts';
import type { ErrorStyle } from './error-response.ts';

/** One public endpoint: all that is known about it. Paths are exact; there are no patterns. */
export interface Route {
  readonly path: string;
  readonly methods: readonly ('GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE')[];
  readonly endpoint: EndpointName;
  readonly errors: ErrorStyle;
  /** Readable by scripts of any origin: documents and the endpoints browser clients call. Never pages. */
  readonly cors: boolean;
  /** False for probes that must be answered under any load. */
  readonly limited: boolean;
  /** Refuses, before it is counted, what must not use up the limit of somebody else. */
  readonly checkUncounted?: (request: Request) => void;
  readonly handler: Handler;
}

export interface Endpoints {
  readonly authorizationServerMetadata: Handler;
  /** Undefined: clients may not register themselves. */
  readonly register: Handler | undefined;
  readonly registration: Handler;
  readonly authorize: Handler;
  readonly consent: Handler;
  /** Of each identity provider. */
  readonly callbacks: ReadonlyArray<{ readonly path: string; readonly handler: Handler }>;
  readonly token: Handler;
  /** Undefined: devices without a browser cannot sign in. */
  readonly device: { readonly begin: Handler; readonly page: Handler; readonly answer: Handler } | undefined;
  /** Undefined: people have no page of what they allowed. */
  readonly account: Handler | undefined;
  readonly backchannelLogout: Handler;
  readonly revoke: Handler;
  /** Undefined: no resource server may ask. */
  readonly introspect: Handler | undefined;
}

/** What the routes need to know of a mount. */
export interface MountRoutes {
  readonly path: string;
  /** Its protected resource metadata. */
  readonly metadata: Handler;
}

/**
 * The one table of public routes; the mounts themselves are beside it, since the proxied path has its own way.
 * @param mounts those at the issuer's host
 * @param rootMetadata what the well-known URL without a path says. Undefined: nothing is there
 */
export function createIssuerRoutes(
  rooms: Endpoints,
  mounts: readonly MountRoutes[],
  rootMetadata: Handler | undefined,
): readonly Route[] {
  const page = { errors: 'page', cors: false, limited: true } as const;
  const api = { methods: ['POST'], errors: 'json', cors: true, limited: true } as const;
  return [
    ...documentsOf(mounts, rootMetadata, rooms.authorizationServerMetadata),
    ...(rooms.register === undefined
      ? []
      : [{ path: '/register', endpoint: 'register', handler: rooms.register, ...api } as const]),
    {
      path: '/registration',
      endpoint: 'register',
      handler: rooms.registration,
      ...api,
      methods: ['GET', 'PUT', 'DELETE'],
    },
    {
      path: '/authorize',
      endpoint: 'authorize',
      methods: ['GET', 'POST'],
      handler: rooms.authorize,
      ...page,
    },
    { path: '/consent', endpoint: 'consent', methods: ['POST'], handler: rooms.consent, ...page },
    ...rooms.callbacks.map(
      (callback) => ({ endpoint: 'callback', methods: ['GET'], ...callback, ...page }) as const,
    ),
    { path: '/token', endpoint: 'token', handler: rooms.token, ...api },
    ...listDeviceRoutes(rooms.device, page, api),
    ...(rooms.account === undefined
      ? []
      : [
          {
            path: '/account',
            endpoint: 'account',
            methods: ['GET', 'POST'],
            checkUncounted: checkNotInBackground,
            handler: rooms.account,
            ...page,
          } as const,
        ]),
    // The identity provider calls, never a browser.
    {
      path: '/backchannel-logout',
      endpoint: 'backchannel_logout',
      handler: rooms.backchannelLogout,
      ...api,
      cors: false,
    },
    { path: '/revoke', endpoint: 'revoke', handler: rooms.revoke, ...api },
    // Servers ask, with a secret: nothing for scripts of any origin.
    ...(rooms.introspect === undefined
      ? []
      : [
          {
            path: '/introspect',
            endpoint: 'introspect',
            handler: rooms.introspect,
            ...api,
            cors: false,
          } as const,
        ]),
    healthz,
  ];
}

/**
 * What a host has that is a mount's own. Nothing of the authorization server: a page that asks for consent, and its
 * cookies, exist at the issuer alone.
 */
export function createMountHostRoutes(
  mounts: readonly MountRoutes[],
  rootMetadata: Handler | undefined,
): readonly Route[] {
  return [...documentsOf(mounts, rootMetadata, noDocument), healthz];
}

/** @see RFC 9728 §3.1, RFC 8414 §3.1 */
function documentsOf(
  mounts: readonly MountRoutes[],
  rootMetadata: Handler | undefined,
  authorizationServer: Handler,
): Route[] {
  return [
    document('/.well-known/oauth-protected-resource', rootMetadata ?? noDocument),
    document('/.well-known/oauth-authorization-server', authorizationServer),
    // Clients fall back on a 404; a login page or a 401 here would stop them.
    document('/.well-known/openid-configuration', noDocument),
    ...mounts.flatMap(({ path, metadata }) => [
      document(`/.well-known/oauth-protected-resource${path}`, metadata),
      // Clients that take the server's URL for the issuer probe here; the document says which issuer it is.
      document(`/.well-known/oauth-authorization-server${path}`, authorizationServer),
      document(`/.well-known/openid-configuration${path}`, noDocument),
      document(`${path}/.well-known/oauth-authorization-server`, noDocument),
      document(`${path}/.well-known/oauth-protected-resource`, noDocument),
      document(`${path}/.well-known/openid-configuration`, noDocument),
    ]),
  ];
}

function document(path: string, handler: Handler): Route {
  return {
    path,
    methods: ['GET', 'HEAD'],
    endpoint: 'discovery',
    errors: 'json',
    cors: true,
    limited: true,
    handler,
  };
}

const healthz: Route = {
  path: '/healthz',
  endpoint: 'other',
  methods: ['GET', 'HEAD'],
  errors: 'json',
  cors: false,
  limited: false,
  handler: () => Promise.resolve(new Response(null, { status: 200 })),
};

/** @see RFC 8628 §3.1 and §3.3 */
function listDeviceRoutes(
  device: Endpoints['device'],
  page: Pick<Route, 'errors' | 'cors' | 'limited'>,
  api: Pick<Route, 'methods' | 'errors' | 'cors' | 'limited'>,
): readonly Route[] {
  if (device === undefined) return [];
  return [
    { path: '/device_authorization', endpoint: 'device_authorization', handler: device.begin, ...api },
    { path: '/device', endpoint: 'device', methods: ['GET', 'POST'], handler: device.page, ...page },
    { path: '/device/answer', endpoint: 'device_answer', methods: ['GET'], handler: device.answer, ...page },
  ];
}

/** The well-known paths below which anything unknown is a 404 in JSON, mount or not. */
export function isWellKnown(path: string, mount: string): boolean {
  return path.startsWith('/.well-known/') || path.startsWith(`${mount}/.well-known/`);
}

function noDocument(): Promise<Response> {
  throw new OAuthError('not_found', 'There is no such document here', { reason: 'not_found' });
}
