import {
  createTokenEndpoint,
  type NamedGrantType,
} from '../../src/authorization-server/token/token-endpoint.ts';
import { standardGrantTypes } from '../../src/gateway/grant-types.ts';
import { type Random, systemRandom } from '../../src/platform/random.ts';
import { createSealer, type Sealer } from '../../src/platform/sealing/sealer.ts';
import type { Handler } from '../../src/platform/http/handler.ts';
import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import { type Store, StoreError } from '../../src/platform/store/store.ts';
import { OAuthError } from '../../src/protocol/oauth-error.ts';
import { computeCodeChallenge } from '../../src/protocol/pkce.ts';
import type { GatehouseEvent } from '../../src/services/audit/events.ts';
import { createClientAuthentication } from '../../src/services/clients/client-authentication.ts';
import {
  browserGrantTypes,
  type Client,
  type FindClient,
  fingerprintClientId,
} from '../../src/services/clients/client.ts';
import {
  authorizationCodeTtlSeconds,
  sealAuthorizationCode,
} from '../../src/services/tokens/authorization-code.ts';
import type { EntryGate } from '../../src/services/entry/entry-gate.ts';
import type { GrantTerms } from '../../src/services/tokens/grant-terms.ts';
import { createGrants, type Grants } from '../../src/services/tokens/grants.ts';
import { createResources } from '../../src/services/resources/resources.ts';
import { createRevocations, type Revocations } from '../../src/services/tokens/revocations.ts';
import type { IdentityRecheckMode } from '../../src/services/identity/identity-provider.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeIdentityProvider } from './fake-identity-provider.ts';
import { describeAsResource } from './one-resource.ts';
import { openEntry } from './open-entry.ts';

const scopes = {
  declared: ['read', 'write', 'admin'].map((name) => ({
    name,
    description: undefined,
    includes: name === 'write' ? ['read'] : [],
  })),
  defaults: ['read'],
  required: [],
};

export const issuer = 'https://gatehouse.test';
const resource = 'https://gatehouse.test/mcp';
const redirectUri = 'https://client.example/callback';
const verifier = 'v'.repeat(43);

export interface TokenRoomOptions {
  readonly store?: (clock: FakeClock) => Store;
  /** While it says true, no verb of the store answers. */
  readonly storeIsDown?: () => boolean;
  readonly revokeBefore?: number;
  readonly secret?: string;
  /** Served beside the one that is meant by who names none. */
  readonly furtherResource?: string;
  readonly random?: Random;
  readonly identityMode?: IdentityRecheckMode;
  readonly accessTokenTtlSeconds?: number;
  readonly entry?: Pick<EntryGate, 'judge'>;
  /** Beside those that every deployment has. */
  readonly grantTypes?: readonly NamedGrantType[];
  /** Beside `client-a` and `client-b`. */
  readonly clients?: readonly Client[];
}

/** The token endpoint with everything it needs, and what a test wants to look at. */
export interface TokenRoom {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly sealer: Sealer;
  readonly grants: Grants;
  readonly revocations: Revocations;
  readonly events: GatehouseEvent[];
  readonly identityProvider: FakeIdentityProvider;
  /** How long requests waited for others, in milliseconds each. */
  readonly pauses: number[];
  readonly endpoint: Handler;
  /** Issues a code as the authorization endpoint does; terms can be overridden. */
  issueCode(terms?: Partial<GrantTerms>, identityToken?: string): Promise<string>;
  post(form: Record<string, string> | URLSearchParams, headers?: Record<string, string>): Promise<Response>;
  /** The refusal that a request meets. */
  refuse(
    form: Record<string, string> | URLSearchParams,
    headers?: Record<string, string>,
  ): Promise<OAuthError>;
  close(): Promise<void>;
}

/** Clients of the room: `client-a` and `client-b` are good, any other is refused as the client service does. */
const findClient: FindClient = (clientId) => {
  if (clientId === undefined) {
    const reason = 'client_id_missing';
    return Promise.reject(new OAuthError('invalid_request', 'client_id is required', { reason }));
  }
  if (clientId !== 'client-a' && clientId !== 'client-b') {
    const reason = clientId === 'client-expired' ? 'client_registration_expired' : 'client_id_invalid';
    return Promise.reject(new OAuthError('invalid_client', 'The client is not known', { reason }));
  }
  const client: Client = {
    clientId,
    fingerprint: fingerprintClientId(clientId),
    name: undefined,
    redirectUris: [],
    authentication: { method: 'none' },
    grantTypes: browserGrantTypes,
    issuedAt: 0,
    expiresAt: undefined,
  };
  return Promise.resolve(client);
};

export function createTokenRoom(options: TokenRoomOptions = {}): TokenRoom {
  const clock = new FakeClock();
  const random = options.random ?? systemRandom;
  const whole = options.store?.(clock) ?? createMemoryStore({ clock });
  const store = failingWhile(whole, options.storeIsDown ?? (() => false));
  const secrets: [string] = [options.secret ?? 'a secret of more than thirty-two bytes'];
  const sealer = createSealer({ secrets, context: issuer, random });
  const revocations = createRevocations({ store, clock, onError: () => {} });
  const grants = createGrants({ store, clock, revocations, refreshWindowSeconds: 30 });
  const events: GatehouseEvent[] = [];
  const identityProvider = new FakeIdentityProvider();
  const pauses: number[] = [];
  const resources = [
    resource,
    ...(options.furtherResource === undefined ? [] : [options.furtherResource]),
  ].map((identifier) => ({ ...describeAsResource(identifier), scopes }));
  const endpoint = createTokenEndpoint({
    grantTypes: () => [...standardGrantTypes, ...(options.grantTypes ?? [])],
    issuer,
    resources: createResources(issuer, { resources, fallback: resources[0] }),
    authenticateClient: createClientAuthentication({
      findClient: (clientId) => {
        const further = options.clients?.find((client) => client.clientId === clientId);
        return further === undefined ? findClient(clientId) : Promise.resolve(further);
      },
    }),
    sealer,
    clock,
    random,
    grants,
    revokeBefore: options.revokeBefore,
    accessTokenTtlSeconds: options.accessTokenTtlSeconds ?? 3600,
    identity: {
      mode: options.identityMode ?? 'auto',
      graceSeconds: 3600,
      findProvider: ({ identityIssuer }) =>
        identityIssuer === identityProvider.issuer ? identityProvider : undefined,
      nameProvider: (name) => (name === identityProvider.issuer ? 'main' : undefined),
      admits: (_, groups) => identityProvider.admits(groups),
      entry: { ...openEntry, ...options.entry },
    },
    pause: (milliseconds) => {
      pauses.push(milliseconds);
      return new Promise((resolve) => setImmediate(resolve));
    },
    emit: (event) => events.push(event),
  });
  const post: TokenRoom['post'] = (form, headers = {}) =>
    endpoint(tokenRequest(form, headers), { requestId: 'r-1', clientAddress: '192.0.2.1' });
  return {
    clock,
    store,
    sealer,
    grants,
    revocations,
    events,
    identityProvider,
    pauses,
    endpoint,
    post,
    async issueCode(terms = {}, identityToken) {
      const expiresAt = clock.nowSeconds() + authorizationCodeTtlSeconds;
      const whole = { ...grantTerms(clock, random), ...terms };
      await grants.open(whole, expiresAt);
      const codeChallenge = computeCodeChallenge(verifier);
      return sealAuthorizationCode(sealer, {
        terms: whole,
        redirectUri,
        codeChallenge,
        expiresAt,
        identityToken,
      });
    },
    async refuse(form, headers) {
      try {
        await post(form, headers);
      } catch (error) {
        if (error instanceof OAuthError) return error;
        throw error;
      }
      throw new Error('the token endpoint answered a request that it should refuse');
    },
    async close() {
      revocations.close();
      await store.close();
    },
  };
}

function failingWhile(store: Store, isDown: () => boolean): Store {
  const orFail = <T>(operation: string, run: () => Promise<T>): Promise<T> =>
    isDown() ? Promise.reject(new StoreError(operation, new Error('down'))) : run();
  return {
    ...store,
    putIfAbsent: (...record) => orFail('put', () => store.putIfAbsent(...record)),
    get: (key) => orFail('get', () => store.get(key)),
    replace: (...change) => orFail('replace', () => store.replace(...change)),
    append: (...entry) => orFail('append', () => store.append(...entry)),
    read: (...position) => orFail('read', () => store.read(...position)),
  };
}

function tokenRequest(
  form: Record<string, string> | URLSearchParams,
  headers: Record<string, string> = {},
): Request {
  return new Request(`${issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
}

export function codeForm(code: string, overrides: Record<string, string | undefined> = {}) {
  return withOverrides(
    {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      client_id: 'client-a',
      code_verifier: verifier,
    },
    overrides,
  );
}

export function refreshForm(refreshToken: string, overrides: Record<string, string | undefined> = {}) {
  return withOverrides(
    { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'client-a' },
    overrides,
  );
}

function withOverrides(
  form: Record<string, string>,
  overrides: Record<string, string | undefined>,
): Record<string, string> {
  const whole: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...form, ...overrides })) {
    if (value !== undefined) whole[name] = value;
  }
  return whole;
}

function grantTerms(clock: FakeClock, random: Random): GrantTerms {
  const now = clock.nowSeconds();
  return {
    grantId: random.token(16),
    identityIssuer: 'https://login.test',
    subject: 'alice',
    email: 'alice@example.com',
    name: 'Alice Example',
    groups: ['engineering'],
    client: fingerprintClientId('client-a'),
    resource,
    scope: [],
    grantedAt: now,
    absoluteEnd: now + 30 * 24 * 3600,
  };
}

export interface TokenBody {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly refresh_token: string;
  readonly scope?: string;
}

/** Posts a request that must succeed. */
export async function exchange(room: TokenRoom, form: Record<string, string>): Promise<TokenBody> {
  const response = await room.post(form);
  return (await response.json()) as TokenBody;
}
