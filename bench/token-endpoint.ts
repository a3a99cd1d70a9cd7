/**
 * Token requests per second of CPU time: the endpoint called as the gateway calls it, with the stores it can have.
 * Codes and first refresh tokens are made before the clock starts. Rounds of the stores alternate, so that a busy
 * neighbour slows all of them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createTokenEndpoint } from '../src/authorization-server/token/token-endpoint.ts';
import { standardGrantTypes } from '../src/gateway/grant-types.ts';
import { systemClock } from '../src/platform/clock.ts';
import type { Handler } from '../src/platform/http/handler.ts';
import { systemRandom } from '../src/platform/random.ts';
import { createSealer } from '../src/platform/sealing/sealer.ts';
import { createMemoryStore } from '../src/platform/store/memory-store.ts';
import { openSqliteStore } from '../src/platform/store/sqlite-store.ts';
import type { Store } from '../src/platform/store/store.ts';
import type { RedirectUri } from '../src/protocol/redirect-uri.ts';
import { createClientAuthentication } from '../src/services/clients/client-authentication.ts';
import type { Client } from '../src/services/clients/client.ts';
import { createClients } from '../src/services/clients/clients.ts';
import { createGrants } from '../src/services/tokens/grants.ts';
import { createPersonGrants } from '../src/services/tokens/person-grants.ts';
import { createRevocations } from '../src/services/tokens/revocations.ts';
import { oneResource } from '../test/support/one-resource.ts';
import { startRedis } from '../test/support/redis.ts';
import { times } from './effort.ts';
import { codeVerifier, issueCode, redirectUri } from './issue-code.ts';
import { measureRate, type Rate, spread, type Spread } from './measure.ts';
import { openBenchStore } from './redis-memory.ts';
import { benchIdentityIssuer } from './served-process.ts';

const issuer = 'https://gatehouse.example';
const resource = `${issuer}/mcp`;
const clock = systemClock;
const random = systemRandom;
const codesPerRound = times(2_000, 5);
const rounds = times(5, 1);
const seals = times(20_000, 100);

/** What waits for a server waits for many at a time; what answers at once gains nothing by it. */
const atOnceOnRedis = 32;

type StoreName = 'memory' | 'sqlite NORMAL' | 'sqlite FULL' | 'redis';

interface Subject {
  readonly name: StoreName;
  readonly store: Store;
  readonly client: Client;
  readonly endpoint: Handler;
  issueCode(): Promise<string>;
  close(): Promise<void>;
}

export interface TokenEndpointFigures {
  readonly exchangesPerCpuSecond: Spread;
  readonly refreshesPerCpuSecond: Spread;
  readonly exchangesPerWallSecond: Spread;
  readonly refreshesPerWallSecond: Spread;
}

export async function benchTokenEndpoint(): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const redis = await startRedis();
  const subjects = [
    createSubject('memory', createMemoryStore({ clock })),
    createSubject('sqlite NORMAL', openSqlite(folder, 'NORMAL')),
    createSubject('sqlite FULL', openSqlite(folder, 'FULL')),
    createSubject('redis', await openBenchStore(redis)),
  ];
  try {
    const figures = await measureAll(subjects);
    return { ...figures, sealsPerCpuSecond: await benchSeals() };
  } finally {
    for (const subject of subjects) await subject.close();
    await redis.dispose();
    rmSync(folder, { recursive: true });
  }
}

async function measureAll(subjects: readonly Subject[]): Promise<Record<StoreName, TokenEndpointFigures>> {
  const exchanges = new Map<StoreName, Rate[]>(subjects.map(({ name }) => [name, []]));
  const refreshes = new Map<StoreName, Rate[]>(subjects.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (const subject of subjects) {
      const { exchange, refresh } = await measureRound(subject);
      // The first round only warms up.
      if (round < 0) continue;
      exchanges.get(subject.name)?.push(exchange);
      refreshes.get(subject.name)?.push(refresh);
    }
  }
  return Object.fromEntries(
    subjects.map(({ name }) => [name, summarise(exchanges.get(name) ?? [], refreshes.get(name) ?? [])]),
  ) as Record<StoreName, TokenEndpointFigures>;
}

function summarise(exchanges: readonly Rate[], refreshes: readonly Rate[]): TokenEndpointFigures {
  return {
    exchangesPerCpuSecond: spread(exchanges.map((rate) => rate.perCpuSecond)),
    refreshesPerCpuSecond: spread(refreshes.map((rate) => rate.perCpuSecond)),
    exchangesPerWallSecond: spread(exchanges.map((rate) => rate.perWallSecond)),
    refreshesPerWallSecond: spread(refreshes.map((rate) => rate.perWallSecond)),
  };
}

async function measureRound(subject: Subject): Promise<{ exchange: Rate; refresh: Rate }> {
  const codes: string[] = [];
  for (let index = 0; index < codesPerRound; index += 1) codes.push(await subject.issueCode());
  const refreshTokens: string[] = [];
  const client = subject.client.clientId;
  const options = { atOnce: subject.name === 'redis' ? atOnceOnRedis : 1 };
  const redeem = async (code: string): Promise<void> => {
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, client_id: client };
    refreshTokens.push(await post(subject.endpoint, { ...form, code_verifier: codeVerifier, resource }));
  };
  const exchange = await measureRate(codes, redeem, options);
  const rotate = async (refreshToken: string): Promise<void> => {
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: client };
    await post(subject.endpoint, form);
  };
  const refresh = await measureRate(refreshTokens, rotate, options);
  return { exchange, refresh };
}

/** Posts a form; returns the refresh token of the answer. Making the request is part of what is measured. */
async function post(endpoint: Handler, form: Record<string, string>): Promise<string> {
  const request = new Request(`${issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
  const response = await endpoint(request, { requestId: 'bench', clientAddress: '192.0.2.1' });
  const body = (await response.json()) as { refresh_token?: string };
  if (body.refresh_token === undefined)
    throw new Error(`the token endpoint refused: ${JSON.stringify(body)}`);
  return body.refresh_token;
}

function openSqlite(folder: string, synchronous: 'NORMAL' | 'FULL'): Store {
  return openSqliteStore({ path: join(folder, `${synchronous}.db`), synchronous, clock });
}

function createSubject(name: StoreName, store: Store): Subject {
  const sealer = createBenchSealer();
  const revocations = createRevocations({ store, clock, onError: () => {} });
  const grants = createGrants({ store, clock, revocations, refreshWindowSeconds: 30 });
  const clients = createClients({ sealer, clock, registrationTtlSeconds: undefined, privateUseSchemes: [] });
  const client = clients.register({ name: 'Bench', redirectUris: [redirectUri as RedirectUri] });
  const endpoint = createTokenEndpoint({
    grantTypes: () => standardGrantTypes,
    issuer,
    resources: oneResource(issuer, resource),
    authenticateClient: createClientAuthentication({ findClient: clients.find }),
    sealer,
    clock,
    random,
    grants,
    personGrants: createPersonGrants({ store, clock, sealer }),
    revokeBefore: undefined,
    accessTokenTtlSeconds: 3600,
    identity: {
      mode: 'auto',
      graceSeconds: 3600,
      entry: { judge: () => undefined },
      admits: () => true,
      nameProvider: () => 'bench',
      findProvider: ({ identityIssuer }) =>
        identityIssuer === benchIdentityIssuer
          ? { admits: () => true, recheck: () => Promise.resolve({ outcome: 'unanswered' }) }
          : undefined,
    },
    pause: (milliseconds) => setTimeout(milliseconds),
    emit: () => {},
  });
  return {
    name,
    store,
    client,
    endpoint,
    issueCode: () => issueCode({ grants, sealer }, client.fingerprint, resource),
    async close() {
      revocations.close();
      await store.close();
    },
  };
}

function createBenchSealer() {
  return createSealer({
    secrets: ['a benchmark secret of thirty-two bytes or more'],
    context: issuer,
    random,
  });
}

/** A yardstick for the machine: the same AES-GCM seals everywhere, whatever the endpoint does. */
async function benchSeals(): Promise<Spread> {
  const sealer = createBenchSealer();
  const purpose = { name: 'bench', prefix: 'bench_', maxLength: 4096 };
  const plaintext = 'p'.repeat(400);
  const items = Array.from({ length: seals }, (_, index) => index);
  const rates: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const rate = await measureRate(items, () => {
      sealer.seal(purpose, plaintext);
      return Promise.resolve();
    });
    if (round >= 0) rates.push(rate.perCpuSecond);
  }
  return spread(rates);
}
