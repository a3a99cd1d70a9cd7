/**
 * Token requests per second of the gatehouse's CPU time, the whole of it: the compiled server as a process of its own,
 * sockets and HTTP included, with a real Redis. Clients, Redis and the making of codes are elsewhere and not counted.
 * With the limits of the default configuration, which count in Redis too, and without. Nobody reaches one: every
 * request comes from an address of its own, as a proxy would tell it.
 */
import { Pool } from 'undici';

import { systemClock as clock } from '../src/platform/clock.ts';
import { systemRandom as random } from '../src/platform/random.ts';
import { createSealer } from '../src/platform/sealing/sealer.ts';
import { fingerprintClientId } from '../src/services/clients/client.ts';
import { createGrants } from '../src/services/tokens/grants.ts';
import { createRevocations } from '../src/services/tokens/revocations.ts';
import { type RedisProcess, startRedis } from '../test/support/redis.ts';
import { times } from './effort.ts';
import { codeVerifier, issueCode, redirectUri } from './issue-code.ts';
import { measureRate, type Rate, runAll, spread, type Spread } from './measure.ts';
import { openBenchStore } from './redis-memory.ts';
import { benchSecret, type ServedProcess, startGatehouse } from './served-process.ts';

const connections = 32;
const codesPerRound = times(2_000, 5);
const rounds = times(5, 1);
const clients = times(50, 2);

export interface TokenRedisBench {
  readonly withLimits: TokenRedisFigures;
  readonly withoutLimits: TokenRedisFigures;
  readonly connections: number;
}

interface TokenRedisFigures {
  readonly exchangesPerCpuSecond: Spread;
  readonly refreshesPerCpuSecond: Spread;
  readonly exchangesPerWallSecond: Spread;
  readonly refreshesPerWallSecond: Spread;
}

export async function benchTokenRedis(): Promise<TokenRedisBench> {
  const withLimits = await openSubject('true');
  const withoutLimits = await openSubject('false');
  try {
    for (let round = -1; round < rounds; round += 1) {
      // The first round only warms up.
      for (const subject of [withLimits, withoutLimits]) await measureRound(subject, round >= 0);
    }
    return { withLimits: summarise(withLimits), withoutLimits: summarise(withoutLimits), connections };
  } finally {
    await withLimits.close();
    await withoutLimits.close();
  }
}

interface Subject {
  readonly server: ServedProcess;
  readonly pool: Pool;
  readonly clientIds: readonly string[];
  readonly exchanges: Rate[];
  readonly refreshes: Rate[];
  issueCodes(clientIds: readonly string[]): Promise<readonly Owned[]>;
  close(): Promise<void>;
}

async function openSubject(limits: 'true' | 'false'): Promise<Subject> {
  const redis = await startRedis();
  const server = await startGatehouse({
    REDIS_URL: `redis://${redis.host}:${redis.port}`,
    STORE_PATH: '',
    RATE_LIMIT_ENABLED: limits,
    TRUSTED_PROXY_CIDRS: '127.0.0.1/32',
  });
  const pool = new Pool(server.url, { connections });
  const clientIds: string[] = [];
  for (let count = 0; count < clients; count += 1) clientIds.push(await register(pool));
  const issuer = await openIssuer(redis, server.url);
  return {
    server,
    pool,
    clientIds,
    exchanges: [],
    refreshes: [],
    issueCodes: issuer.issueCodes,
    async close() {
      await issuer.close();
      await pool.close();
      await server.stop();
      await redis.dispose();
    },
  };
}

async function measureRound(subject: Subject, counts: boolean): Promise<void> {
  const { server, pool, clientIds } = subject;
  const options = { atOnce: connections, cpuSeconds: () => server.cpuMilliseconds() / 1000 };
  const codes = await subject.issueCodes(clientIds);
  const refreshTokens: Owned[] = [];
  const exchange = async ({ clientId, value }: Owned): Promise<void> => {
    const form = { grant_type: 'authorization_code', code: value, redirect_uri: redirectUri };
    const issued = await post(pool, { ...form, client_id: clientId, code_verifier: codeVerifier });
    refreshTokens.push({ clientId, value: issued });
  };
  const refresh = async ({ clientId, value }: Owned): Promise<void> => {
    await post(pool, { grant_type: 'refresh_token', refresh_token: value, client_id: clientId });
  };
  const exchangeRate = await measureRate(codes, exchange, options);
  const refreshRate = await measureRate(refreshTokens, refresh, options);
  if (!counts) return;
  subject.exchanges.push(exchangeRate);
  subject.refreshes.push(refreshRate);
}

function summarise({ exchanges, refreshes }: Subject): TokenRedisFigures {
  return {
    exchangesPerCpuSecond: spread(exchanges.map((rate) => rate.perCpuSecond)),
    refreshesPerCpuSecond: spread(refreshes.map((rate) => rate.perCpuSecond)),
    exchangesPerWallSecond: spread(exchanges.map((rate) => rate.perWallSecond)),
    refreshesPerWallSecond: spread(refreshes.map((rate) => rate.perWallSecond)),
  };
}

/** A code or a refresh token, and whose it is. */
interface Owned {
  readonly clientId: string;
  readonly value: string;
}

/** Issues codes that the server redeems: it has the same secret, address and Redis. */
async function openIssuer(redis: RedisProcess, publicUrl: string) {
  const store = await openBenchStore(redis);
  const sealer = createSealer({ secrets: [benchSecret], context: publicUrl, random });
  const revocations = createRevocations({ store, clock, onError: () => {} });
  const grants = createGrants({ store, clock, revocations, refreshWindowSeconds: 30 });
  return {
    async issueCodes(clientIds: readonly string[]): Promise<readonly Owned[]> {
      const codes: Owned[] = [];
      const owners = Array.from({ length: codesPerRound }, (_, at) => clientIds[at % clientIds.length] ?? '');
      const issue = async (clientId: string): Promise<void> => {
        const client = fingerprintClientId(clientId);
        const value = await issueCode({ grants, sealer }, client, `${publicUrl}/mcp`);
        codes.push({ clientId, value });
      };
      await runAll(owners, issue, connections);
      return codes;
    },
    async close(): Promise<void> {
      revocations.close();
      await store.close();
    },
  };
}

async function register(pool: Pool): Promise<string> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: '/register',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': nextAddress() },
    body: JSON.stringify({ client_name: 'Bench', redirect_uris: [redirectUri] }),
  });
  const answer = (await body.json()) as { client_id: string };
  if (statusCode !== 201) throw new Error(`/register answered ${statusCode}`);
  return answer.client_id;
}

/** Posts a form to /token; returns the refresh token of the answer. */
async function post(pool: Pool, form: Record<string, string>): Promise<string> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: '/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': nextAddress() },
    body: new URLSearchParams(form).toString(),
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`/token answered ${statusCode}: ${text}`);
  return (JSON.parse(text) as { refresh_token: string }).refresh_token;
}

let addresses = 0;

/** @see RFC 2544 for the network: nobody's */
function nextAddress(): string {
  addresses += 1;
  return `198.18.${(addresses >> 8) & 255}.${addresses & 255}`;
}
