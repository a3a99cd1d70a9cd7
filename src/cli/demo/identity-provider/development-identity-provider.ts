// An OpenID provider for trying things out: a login page without passwords. It owns discovery, authorize, login, token
// and its keys; it keeps everything in memory and forgets it at the end.
//
// It lets anyone be anyone. Hence it starts only outside production mode and only on a loopback address, answers only
// requests addressed to exactly its own host, and serves one client with one exact redirect URI.
//
// OpenID Connect Core 1.0 §3.1, OpenID Connect Discovery 1.0, RFC 7636, RFC 9207.
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { isIPv4 } from 'node:net';

import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';

import type { Clock } from '../../../platform/clock.ts';
import type { Random } from '../../../platform/random.ts';
import { closeServer, listenOn } from '../listening.ts';
import { createIdTokenSigner } from './id-token.ts';
import type { IdTokenSigner, SigningAlgorithm } from './id-token.ts';
import { createAuthorizeEndpoint, createLoginEndpoint } from './login-endpoints.ts';
import type { LoginDeps, OpenLogin } from './login-endpoints.ts';
import { renderProblemPage } from './login-page.ts';
import { createOnce } from './once.ts';
import type { RegisteredClient } from './registered-client.ts';
import { createTokenEndpoint } from './token-endpoint.ts';
import type { CodeTerms } from './token-endpoint.ts';

export interface DevelopmentIdentityProviderSettings {
  readonly productionMode: boolean;
  /** A loopback address, as a literal: `127.0.0.1` or `::1`. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly client: RegisteredClient;
  /** Shown on the login page. */
  readonly clientName: string;
  readonly algorithm?: SigningAlgorithm;
}

export interface DevelopmentIdentityProvider {
  /** Scheme, host and port; no path, no slash at the end. */
  readonly issuer: string;
  close(): Promise<void>;
}

const loginTtlSeconds = 600;
const codeTtlSeconds = 60;

/**
 * Starts the identity provider.
 * @throws Error in production mode, on an address other machines can reach, and when the port is taken (`EADDRINUSE`)
 */
export async function startDevelopmentIdentityProvider(
  settings: DevelopmentIdentityProviderSettings,
  deps: { readonly clock: Clock; readonly random: Random },
): Promise<DevelopmentIdentityProvider> {
  if (settings.productionMode) {
    throw new Error(
      'the development identity provider does not start in production mode: it asks for no password',
    );
  }
  if (!isLoopback(settings.host)) {
    throw new Error(
      `the development identity provider listens on a loopback address only, not on ${settings.host}`,
    );
  }
  const server = createServer();
  const issuer = await listenOn(server, settings.host, settings.port);
  try {
    await serve(server, issuer, settings, deps);
  } catch (error) {
    await closeServer(server);
    throw error;
  }
  return { issuer, close: () => closeServer(server) };
}

async function serve(
  server: Server,
  issuer: string,
  { client, clientName, algorithm = 'RS256' }: DevelopmentIdentityProviderSettings,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<void> {
  const signer = await createIdTokenSigner(
    { issuer, clientId: client.clientId, algorithm },
    { clock, random },
  );
  const logins = createOnce<OpenLogin>({ clock, random, ttlSeconds: loginTtlSeconds });
  const codes = createOnce<CodeTerms>({ clock, random, ttlSeconds: codeTtlSeconds });
  const routes = createRoutes({ issuer, client, clientName, logins, codes, clock, random }, signer);
  const listener = getRequestListener(routes.fetch);
  server.on('request', (request, response) => {
    void listener(request, response);
  });
}

function createRoutes(deps: LoginDeps, signer: IdTokenSigner): Hono {
  const authorize = createAuthorizeEndpoint(deps);
  const login = createLoginEndpoint(deps);
  const token = createTokenEndpoint({ ...deps, signer });
  const ownHost = new URL(deps.issuer).host;
  const routes = new Hono();
  routes.use(async (context, next) => {
    // DNS rebinding: a foreign name that resolves to loopback must not reach the login.
    if (context.req.header('host') !== ownHost) return renderProblemPage(421, 'The address is not ours.');
    await next();
    return undefined;
  });
  routes.get('/.well-known/openid-configuration', () =>
    Response.json(discoveryDocument(deps.issuer, signer)),
  );
  routes.get('/jwks', () => Response.json(signer.publicKeys));
  routes.get('/authorize', (context) => authorize(context.req.raw));
  routes.post('/login', (context) => login(context.req.raw));
  routes.post('/token', (context) => token(context.req.raw));
  routes.notFound(() => renderProblemPage(404, 'There is no such page.'));
  return routes;
}

function discoveryDocument(issuer: string, signer: IdTokenSigner): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    scopes_supported: ['openid', 'email', 'profile'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [signer.algorithm],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: ['S256'],
    claims_supported: ['sub', 'name', 'email', 'email_verified', 'groups', 'auth_time', 'nonce'],
    prompt_values_supported: ['login'],
    authorization_response_iss_parameter_supported: true,
  };
}

/** Literals only: what a name resolves to can change after the check. */
function isLoopback(host: string): boolean {
  return host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
