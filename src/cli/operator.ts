import { existsSync } from 'node:fs';

import type { GatehouseConfig } from '../gateway/config/config.ts';
import { openStore } from '../gateway/open-store.ts';
import { systemClock } from '../platform/clock.ts';
import { systemRandom } from '../platform/random.ts';
import { createLogger } from '../platform/telemetry/logger.ts';
import { createMetricsRegistry } from '../platform/telemetry/metrics.ts';
import { createDeniedClients, type DeniedClients } from '../services/clients/denied-clients.ts';
import { createGrantDirectory, type GrantDirectory } from '../services/tokens/grant-directory.ts';
import { createRevocations, type Revocations } from '../services/tokens/revocations.ts';
import { CommandFailure } from './failure.ts';
import { loadProcessConfig } from './process-config.ts';

/** What an operator works on: the store of the configuration, beside the servers that use it. */
export interface Operator {
  readonly grants: GrantDirectory;
  readonly deniedClients: DeniedClients;
  readonly revocations: Revocations;
  /** Clients of the configuration. */
  readonly clientIds: readonly string[];
  /** Whose subjects there are: of the identity providers, trusted issuers, and issuers whose tokens mounts accept. */
  readonly identityIssuers: readonly [string, ...string[]];
  readonly nowSeconds: () => number;
}

/** @throws CommandFailure, ConfigError or StoreError when there is no store to work on */
export async function withOperator<Result>(run: (operator: Operator) => Promise<Result>): Promise<Result> {
  const config = loadProcessConfig();
  checkStore(config.store);
  const clock = systemClock;
  // Standard output is the command's own.
  const log = createLogger({ level: 'error', destination: process.stderr });
  const registry = createMetricsRegistry();
  const store = await openStore(config.store, { clock, random: systemRandom, log, registry });
  // The longest a grant may live by any configuration, should the server's be another one than this shell's.
  const revocations = createRevocations({ store, clock, onError: () => {} });
  const deniedClients = createDeniedClients({
    store,
    clock,
    registrationTtlSeconds: config.registration.ttlSeconds,
    onError: () => {},
  });
  try {
    const { grantLifetimeSeconds } = config.tokens;
    const [home = config.publicUrl, ...others] = new Set([
      ...config.identityProviders.map(({ issuer }) => issuer),
      ...config.trustedIssuers.map(({ issuer }) => issuer),
      ...config.mounts.flatMap(({ accepts }) => accepts?.issuer ?? []),
    ]);
    return await run({
      grants: createGrantDirectory({ store, clock, grantLifetimeSeconds }),
      deniedClients,
      revocations,
      clientIds: config.clients.map(({ clientId }) => clientId),
      identityIssuers: [home, ...others],
      nowSeconds: () => clock.nowSeconds(),
    });
  } finally {
    revocations.close();
    deniedClients.close();
    await store.close();
  }
}

function checkStore(store: GatehouseConfig['store']): void {
  if (store.kind === 'memory') {
    throw new CommandFailure(
      'STORE_PATH is :memory:, which only the server itself can see',
      'restart the server to end everything, or give it a store that outlives it',
    );
  }
  // Opening would make an empty one, and revoke nothing in it.
  if (store.kind === 'sqlite' && !existsSync(store.path)) {
    throw new CommandFailure(
      'there is no store at STORE_PATH',
      'run the command with the environment of the server, and in its folder when the path is relative',
    );
  }
}
