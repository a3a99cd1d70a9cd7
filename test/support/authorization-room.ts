import { createAuthorizationEndpoint } from '../../src/authorization-server/authorization/authorization-endpoint.ts';
import type { AuthorizationDeps } from '../../src/authorization-server/authorization/authorization-deps.ts';
import { createCallbackEndpoint } from '../../src/authorization-server/authorization/callback-endpoint.ts';
import { createConsentEndpoint } from '../../src/authorization-server/authorization/consent-endpoint.ts';
import type { Handler } from '../../src/platform/http/handler.ts';
import { systemRandom } from '../../src/platform/random.ts';
import { createSealer } from '../../src/platform/sealing/sealer.ts';
import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import { type Store, StoreError } from '../../src/platform/store/store.ts';
import { OAuthError } from '../../src/protocol/oauth-error.ts';
import type { RedirectUri } from '../../src/protocol/redirect-uri.ts';
import type { GatehouseEvent } from '../../src/services/audit/events.ts';
import {
  browserGrantTypes,
  type Client,
  type FindClient,
  fingerprintClientId,
} from '../../src/services/clients/client.ts';
import {
  type AuthorizationCode,
  openAuthorizationCode,
} from '../../src/services/tokens/authorization-code.ts';
import { createIdentityProviders } from '../../src/services/identity/identity-providers.ts';
import type { GrantTerms } from '../../src/services/tokens/grant-terms.ts';
import type { Browser, BrowserTarget } from './browser.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeIdentityProvider } from './fake-identity-provider.ts';
import { oneResource } from './one-resource.ts';
import { authorizeUrl, createPkce, readForm, readInterstitial } from './flow.ts';
import { openEntry } from './open-entry.ts';

export const issuer = 'https://gatehouse.test';
export const resource = 'https://gatehouse.test/mcp';
export const redirectUri = 'https://client.example/callback';

/** The one client of the room, unless a test says otherwise. */
export const roomClient: Client = {
  clientId: 'client-a',
  fingerprint: fingerprintClientId('client-a'),
  name: 'Test Client',
  redirectUris: [redirectUri as RedirectUri],
  authentication: { method: 'none' },
  grantTypes: browserGrantTypes,
  issuedAt: 0,
  expiresAt: undefined,
};

/** The three authorization endpoints behind one fetch, without a gateway: what they throw comes out as it is. */
export interface AuthorizationRoom extends BrowserTarget {
  readonly resource: string;
  readonly clock: FakeClock;
  readonly identityProvider: FakeIdentityProvider;
  readonly store: Store;
  readonly storeCalls: { readonly verb: 'put' | 'delete'; readonly key: string }[];
  readonly grants: { readonly terms: GrantTerms; readonly expiresAt: number }[];
  readonly events: GatehouseEvent[];
  readonly client: Client;
  storeIsDown: boolean;
  clientIsDenied: boolean;
  openCode(code: string): AuthorizationCode | undefined;
  close(): Promise<void>;
}

export interface AuthorizationRoomOptions extends Partial<AuthorizationDeps> {
  readonly client?: Client;
}

export function createAuthorizationRoom(options: AuthorizationRoomOptions = {}): AuthorizationRoom {
  const { client = roomClient, ...overrides } = options;
  const clock = new FakeClock();
  const identityProvider = new FakeIdentityProvider();
  const storeCalls: AuthorizationRoom['storeCalls'] = [];
  const grants: AuthorizationRoom['grants'] = [];
  const events: GatehouseEvent[] = [];
  const whole = createMemoryStore({ clock });
  const sealer = createSealer({ secrets: ['s'.repeat(32)], context: issuer, random: systemRandom });
  const answer = <T>(operation: string, run: () => Promise<T>): Promise<T> =>
    room.storeIsDown ? Promise.reject(new StoreError(operation, new Error('down'))) : run();
  const store: Store = {
    ...whole,
    putIfAbsent: (key, ...record) => {
      storeCalls.push({ verb: 'put', key });
      return answer('put', () => whole.putIfAbsent(key, ...record));
    },
    delete: (key) => {
      storeCalls.push({ verb: 'delete', key });
      return answer('delete', () => whole.delete(key));
    },
  };
  const main = { name: 'main', title: 'Main', scopes: [], provider: identityProvider };
  const deps: AuthorizationDeps = {
    issuer,
    resources: oneResource(issuer, resource),
    renderConsentPage: true,
    findClient: findOnly(client),
    isClientDenied: () => room.clientIsDenied,
    identityProviders: createIdentityProviders([main]),
    entry: openEntry,
    sealer,
    store,
    clock,
    random: systemRandom,
    grants: {
      open: (terms, expiresAt) => {
        grants.push({ terms, expiresAt });
        return Promise.resolve();
      },
    },
    grantLifetimeSeconds: 1000,
    identityRecheck: 'auto',
    emit: (event) => events.push(event),
    ...overrides,
  };
  const routes: Record<string, Handler> = {
    '/authorize': createAuthorizationEndpoint(deps),
    '/consent': createConsentEndpoint(deps),
    '/callback': createCallbackEndpoint(deps, deps.identityProviders.all[0] ?? main),
  };
  const room: AuthorizationRoom = {
    publicUrl: deps.issuer,
    resource,
    clock,
    identityProvider,
    store,
    storeCalls,
    grants,
    events,
    client,
    storeIsDown: false,
    clientIsDenied: false,
    openCode: (code) => openAuthorizationCode(sealer, code),
    fetch: (pathOrUrl, init) => {
      const request = new Request(new URL(pathOrUrl, deps.issuer), init);
      const handler = routes[new URL(request.url).pathname];
      if (handler === undefined) throw new Error('no such endpoint in this room');
      return handler(request, { requestId: 'r-1', clientAddress: '192.0.2.1' });
    },
    close: () => whole.close(),
  };
  return room;
}

function findOnly(client: Client): FindClient {
  return (clientId) =>
    clientId === client.clientId
      ? Promise.resolve(client)
      : Promise.reject(
          new OAuthError('invalid_client', 'The client is not known', { reason: 'client_id_invalid' }),
        );
}

/** An authorization request of the room's client. */
export function roomAuthorizeUrl(
  room: AuthorizationRoom,
  overrides: Record<string, string | undefined> = {},
): string {
  const { clientId, redirectUris } = room.client;
  return authorizeUrl(room, { clientId, redirectUri: redirectUris[0] ?? '' }, overrides);
}

/** Asks for an authorization; returns the consent token of the page that comes. */
export async function obtainConsentToken(
  room: AuthorizationRoom,
  browser: Browser,
  overrides: Record<string, string | undefined> = {},
): Promise<string> {
  const page = await browser.get(roomAuthorizeUrl(room, overrides));
  return readForm(await page.text())['consent_token'] ?? '';
}

/** Asks and approves; returns the `state` the identity provider gets, and the client's verifier. */
export async function obtainLoginState(
  room: AuthorizationRoom,
  browser: Browser,
  overrides: Record<string, string | undefined> = {},
): Promise<{ readonly state: string; readonly verifier: string }> {
  const { verifier, challenge } = createPkce();
  const consentToken = await obtainConsentToken(room, browser, { code_challenge: challenge, ...overrides });
  const page = await browser.post('/consent', { consent_token: consentToken, action: 'approve' });
  const state = new URL(readInterstitial(await page.text())).searchParams.get('state') ?? '';
  return { state, verifier };
}

/** The refusal that a request meets. */
export async function refusalOf(attempt: Promise<unknown>): Promise<OAuthError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof OAuthError) return error;
    throw error;
  }
  throw new Error('the request was not refused');
}
