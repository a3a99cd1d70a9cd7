import { afterAll, beforeAll, describe } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { openRedisStore } from '../../src/platform/store/redis-store.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { hasRedis } from '../support/redis.ts';
import {
  type RedisDeployment,
  startCluster,
  startSentinel,
  startStandalone,
  startWithAcl,
  startWithTls,
} from '../support/redis-shapes.ts';
import { describeStore, type StoreBackend } from './store-contract.ts';

const shapes: ReadonlyArray<readonly [string, () => Promise<RedisDeployment>]> = [
  ['Redis', startStandalone],
  ['Redis with TLS', startWithTls],
  ['Redis with an ACL user', startWithAcl],
  ['Redis behind Sentinel', startSentinel],
  ['Redis Cluster', startCluster],
];

describe.runIf(hasRedis).each(shapes)('%s', (name, start) => {
  let deployment: RedisDeployment;
  let backends = 0;

  beforeAll(async () => {
    deployment = await start();
  });
  afterAll(async () => deployment.dispose());

  describeStore(name, async () => {
    backends += 1;
    // A prefix of its own for each test: empty, and a proof that prefixes keep deployments apart.
    return createRedisBackend(deployment, `gatehouse-${backends}:`);
  });
});

function createRedisBackend(deployment: RedisDeployment, keyPrefix: string): StoreBackend {
  const clock = new FakeClock();
  const handles: Store[] = [];
  return {
    shared: true,
    now: () => clock.nowSeconds(),
    async open() {
      const { connection } = deployment;
      const handle = await openRedisStore({ connection, keyPrefix, clock, random: systemRandom });
      handles.push(handle);
      return handle;
    },
    async advance(seconds) {
      clock.advance(seconds);
    },
    async dispose() {
      for (const handle of handles) await handle.close();
    },
  };
}
