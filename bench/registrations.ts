/**
 * What registrations leave in the store: a client id is its own registration, so nothing. The whole gateway in this
 * process, without sockets, with a real Redis and with a SQLite file.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { loadConfig } from '../src/gateway/config/load-config.ts';
import { createGateway } from '../src/gateway/gateway.ts';
import { createLogger } from '../src/platform/telemetry/logger.ts';
import { startRedis } from '../test/support/redis.ts';
import { times } from './effort.ts';
import { measureRate } from './measure.ts';
import { readHoldings } from './redis-memory.ts';
import { benchSecret } from './served-process.ts';

const registrations = times(100_000, 20);
const publicUrl = 'https://gatehouse.example';

export interface RegistrationsBench {
  readonly registrations: number;
  readonly redis: {
    readonly keysBefore: number;
    readonly keysAfter: number;
    readonly bytesBefore: number;
    readonly bytesAfter: number;
    readonly perCpuSecond: number;
  };
  readonly sqlite: { readonly rowsBefore: number; readonly rowsAfter: number; readonly perCpuSecond: number };
}

export async function benchRegistrations(): Promise<RegistrationsBench> {
  return { registrations, redis: await registerOnRedis(), sqlite: await registerOnSqlite() };
}

async function registerOnRedis(): Promise<RegistrationsBench['redis']> {
  const redis = await startRedis();
  const house = openHouse({ REDIS_URL: `redis://${redis.host}:${redis.port}` });
  try {
    await house.register();
    const before = await readHoldings(redis);
    const perCpuSecond = await house.registerAll();
    const after = await readHoldings(redis);
    return {
      keysBefore: before.keys,
      keysAfter: after.keys,
      bytesBefore: before.bytes,
      bytesAfter: after.bytes,
      perCpuSecond,
    };
  } finally {
    await house.close();
    await redis.dispose();
  }
}

async function registerOnSqlite(): Promise<RegistrationsBench['sqlite']> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const path = join(folder, 'store.sqlite');
  const house = openHouse({ STORE_PATH: path });
  try {
    await house.register();
    const rowsBefore = countRows(path);
    const perCpuSecond = await house.registerAll();
    return { rowsBefore, rowsAfter: countRows(path), perCpuSecond };
  } finally {
    await house.close();
    rmSync(folder, { recursive: true });
  }
}

/** A gatehouse that answers without a socket, its limits off. */
function openHouse(env: Record<string, string>) {
  const all = {
    PROD_MODE: 'false',
    PROXY_BASE_URL: publicUrl,
    UPSTREAM_MCP_URL: 'http://127.0.0.1:9/mcp',
    OIDC_ISSUER_URL: 'http://127.0.0.1:9',
    OIDC_CLIENT_ID: 'gatehouse',
    OIDC_CLIENT_SECRET: 'provider-client-secret',
    TOKEN_SIGNING_SECRET: benchSecret,
    RATE_LIMIT_ENABLED: 'false',
    ...env,
  };
  const config = loadConfig(all, () => {
    throw new Error('no files here');
  });
  const log = createLogger({ level: 'fatal', destination: { write: () => {} } });
  const gateway = createGateway(config, { log });
  const register = async (): Promise<void> => {
    const request = new Request(`${publicUrl}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'Bench',
        redirect_uris: ['https://client.example/oauth/callback'],
      }),
    });
    const response = await gateway.fetch(request, { requestId: 'bench', clientAddress: '192.0.2.1' });
    if (response.status !== 201) throw new Error(`/register answered ${response.status}`);
    await response.text();
  };
  return {
    register,
    async registerAll(): Promise<number> {
      return (await measureRate(Array.from({ length: registrations }), register)).perCpuSecond;
    },
    close: () => gateway.close(0),
  };
}

/** Of all tables. */
function countRows(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const tables = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all();
  const counts = tables.map(({ name }) =>
    database.prepare(`SELECT count(*) AS n FROM "${String(name)}"`).get(),
  );
  database.close();
  return counts.reduce((sum, row) => sum + Number(row?.['n']), 0);
}
