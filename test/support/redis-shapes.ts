import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { RedisConnection } from '../../src/platform/store/redis-connection.ts';
import { freePort } from './free-port.ts';
import { eventually, type RedisProcess, startRedis } from './redis.ts';

/** A running deployment of Redis and how a store reaches it. */
export interface RedisDeployment {
  readonly connection: RedisConnection;
  readonly servers: readonly RedisProcess[];
  dispose(): Promise<void>;
}

const open = { username: undefined, password: undefined, tls: undefined } as const;

export async function startStandalone(settings: readonly string[] = []): Promise<RedisDeployment> {
  const server = await startRedis({ settings: () => settings });
  return deployment([server], { ...open, shape: 'standalone', address: server, database: 0 });
}

/** A server that speaks TLS only, with a certificate of an authority made for it. */
export async function startWithTls(): Promise<RedisDeployment> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-redis-tls-'));
  makeCertificates(folder);
  const ca = readFileSync(join(folder, 'ca.crt'), 'utf8');
  const server = await startRedis({
    tls: { ca },
    settings: (_folder, port) => {
      const listener = `--tls-port ${port} --tls-auth-clients no`;
      const files = '--tls-cert-file server.crt --tls-key-file server.key --tls-ca-cert-file ca.crt';
      const words = `${listener} ${files}`.split(' ');
      return words.map((word) => (/\.(crt|key)$/.test(word) ? join(folder, word) : word));
    },
  });
  rmSync(folder, { recursive: true });
  return deployment([server], {
    ...open,
    tls: { ca },
    shape: 'standalone',
    address: server,
    database: 0,
  });
}

/** What docs/redis.md tells to grant, and nothing more. */
function leastPrivileges(): string {
  const page = readFileSync(new URL('../../docs/redis.md', import.meta.url), 'utf8');
  const commands = /-@all [^`]+/.exec(page);
  if (commands === null) throw new Error('docs/redis.md names no privileges');
  return `~gatehouse* &gatehouse* ${commands[0].trim().replaceAll(/\s+/g, ' ')}`;
}

/** A server that refuses everybody but one user, who may do what is needed and nothing else. */
export async function startWithAcl(): Promise<RedisDeployment> {
  const access = { username: 'gatehouse', password: 'p@ss:/word' };
  const admin = { username: 'admin', password: 'admin' };
  const server = await startRedis({
    client: admin,
    settings: (folder) => {
      const file = join(folder, 'users.acl');
      const users = [
        'user default off',
        `user admin on >${admin.password} ~* &* +@all`,
        `user ${access.username} on >${access.password} ${leastPrivileges()}`,
      ];
      writeFileSync(file, `${users.join('\n')}\n`);
      return ['--aclfile', file];
    },
  });
  return deployment([server], {
    ...open,
    ...access,
    shape: 'standalone',
    address: server,
    database: 0,
  });
}

/** Three primaries without replicas. */
export async function startCluster(): Promise<RedisDeployment> {
  const nodes = await Promise.all([0, 1, 2].map(startClusterNode));
  const servers = nodes.map(({ server }) => server);
  const [first] = nodes;
  if (first === undefined) throw new Error('no node');
  const slots = 16_384;
  for (const [index, { server }] of nodes.entries()) {
    const from = Math.ceil((slots * index) / nodes.length);
    const to = Math.ceil((slots * (index + 1)) / nodes.length) - 1;
    await server.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    await server.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  }
  for (const { server, busPort } of nodes.slice(1)) {
    await first.server.command('CLUSTER', 'MEET', server.host, String(server.port), String(busPort));
  }
  for (const server of servers) {
    await eventually(async () => {
      const info = String(await server.command('CLUSTER', 'INFO'));
      if (!info.includes('cluster_state:ok') || !info.includes('cluster_size:3')) throw new Error(info);
    });
  }
  return deployment(servers, { ...open, shape: 'cluster', addresses: servers });
}

async function startClusterNode(): Promise<{ server: RedisProcess; busPort: number }> {
  const busPort = await freePort();
  const server = await startRedis({
    settings: () => [
      '--cluster-enabled',
      'yes',
      '--cluster-node-timeout',
      '2000',
      '--cluster-port',
      `${busPort}`,
    ],
  });
  return { server, busPort };
}

/** A primary, a replica and three sentinels that agree within a second. */
export async function startSentinel(): Promise<RedisDeployment> {
  const primary = await startRedis();
  const replica = await startRedis({
    settings: () => ['--replicaof', primary.host, String(primary.port)],
  });
  await eventually(async () => {
    const info = String(await replica.command('INFO', 'replication'));
    if (!info.includes('master_link_status:up')) throw new Error('the replica is not in step');
  });
  const sentinels = await Promise.all([0, 1, 2].map(async () => startSentinelProcess(primary)));
  for (const sentinel of sentinels) {
    await eventually(async () => {
      const facts = JSON.stringify(await sentinel.command('SENTINEL', 'MASTER', 'main'));
      if (!facts.includes('"num-slaves","1"') || !facts.includes('"num-other-sentinels","2"'))
        throw new Error(facts);
    });
  }
  return deployment([primary, replica, ...sentinels], {
    ...open,
    shape: 'sentinel',
    sentinels,
    primaryName: 'main',
    sentinelAccess: open,
    database: 0,
  });
}

async function startSentinelProcess(primary: RedisProcess): Promise<RedisProcess> {
  return startRedis({
    program: 'redis-sentinel',
    settings: (folder, port) => {
      const file = join(folder, 'sentinel.conf');
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${folder}`,
        `sentinel monitor main ${primary.host} ${primary.port} 2`,
        'sentinel down-after-milliseconds main 600',
        'sentinel failover-timeout main 3000',
      ];
      writeFileSync(file, `${lines.join('\n')}\n`);
      return [file];
    },
  });
}

function deployment(servers: readonly RedisProcess[], connection: RedisConnection): RedisDeployment {
  return {
    connection,
    servers,
    async dispose() {
      for (const server of servers) await server.dispose();
    },
  };
}

function makeCertificates(folder: string): void {
  const openssl = (...words: string[]): void => {
    execFileSync('/usr/bin/openssl', words, { cwd: folder, stdio: 'ignore' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = ['-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test authority', '-days', '2'];
  openssl('req', '-x509', ...key, ...authority);
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=127.0.0.1');
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1\n');
  const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.crt', ...signing);
}
