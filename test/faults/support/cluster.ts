import { setTimeout as sleep } from 'node:timers/promises';

import { systemClock } from '../../../src/platform/clock.ts';
import { type AnsweringUpstream, startAnsweringUpstream } from '../../support/answering-upstream.ts';
import { TestOpenIdProvider } from '../../support/openid-provider.ts';
import { publicUrl } from './fault-client.ts';
import { createGatehouseProcess, type GatehouseProcess } from './gatehouse-process.ts';

/** Some gatehouses with one public URL, one set of keys, one identity provider and one MCP server. */
export interface Cluster {
  readonly replicas: readonly [GatehouseProcess, ...GatehouseProcess[]];
  readonly provider: TestOpenIdProvider;
  readonly upstream: AnsweringUpstream;
  close(): Promise<void>;
}

export interface ClusterOptions {
  readonly replicas: number;
  /** Where a replica keeps its state. */
  readonly store: (index: number) => Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Of each replica: how many files and sockets it may have open. */
  readonly descriptors?: number;
}

export const signingSecret = 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret';

/** Makes them and starts them. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const upstream = await startAnsweringUpstream();
  const provider = await TestOpenIdProvider.start(systemClock);
  const env = {
    PROD_MODE: 'false',
    PROXY_BASE_URL: publicUrl,
    UPSTREAM_MCP_URL: upstream.url,
    OIDC_ISSUER_URL: provider.issuer,
    OIDC_CLIENT_ID: provider.clientId,
    OIDC_CLIENT_SECRET: provider.clientSecret,
    TOKEN_SIGNING_SECRET: signingSecret,
    // Every session is somebody else's machine; limits stay on, and an honest client must not meet one.
    TRUSTED_PROXY_CIDRS: '127.0.0.0/8',
    ...options.env,
  };
  const made = await Promise.all(
    Array.from({ length: options.replicas }, async (_, index) =>
      createGatehouseProcess({
        index,
        env: { ...env, ...options.store(index) },
        descriptors: options.descriptors,
      }),
    ),
  );
  const [first, ...others] = made;
  if (first === undefined) throw new Error('a cluster has at least one replica');
  const cluster: Cluster = {
    replicas: [first, ...others],
    provider,
    upstream,
    async close() {
      await Promise.all(made.map((replica) => replica.kill()));
      await provider.close();
      await upstream.close();
    },
  };
  try {
    for (const replica of made) await replica.start();
    // A login of the first two seconds of a store is refused: it could be older than the memory of the store.
    await sleep(2_100);
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}
