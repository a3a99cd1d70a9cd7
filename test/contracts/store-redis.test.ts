import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { openRedisStore } from '../../src/platform/store/redis-store.ts';
import type { Store, StorePage } from '../../src/platform/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { eventually, hasRedis } from '../support/redis.ts';
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

  // A prefix of its own for each test: empty, and a proof that prefixes keep deployments apart.
  const makeBackend = async (): Promise<StoreBackend> => {
    backends += 1;
    return createRedisBackend(deployment, `gatehouse-${backends}:`);
  };

  describeStore(name, makeBackend);

  describe('several processes', () => {
    let backend: StoreBackend;

    beforeEach(async () => {
      backend = await makeBackend();
    });
    afterEach(async () => backend.dispose());

    it('wakes the readers of the others', async () => {
      const [one, other] = [await backend.open(), await backend.open()];
      let wakes = 0;
      other.watch('events', () => {
        wakes += 1;
      });
      await eventually(async () => {
        await one.append('events', 'revoked', backend.now() + 60);
        await sleep(25);
        expect(wakes).toBeGreaterThan(0);
      });
    });

    it('lists more than one scan holds, each record once, and any of them goes on', async () => {
      const handles = [await backend.open(), await backend.open()] as const;
      const keys = Array.from({ length: 700 }, (_, index) => `grant:${index}`);
      await Promise.all(keys.map(async (key) => handles[0].putIfAbsent(key, key, backend.now() + 60)));
      const found: string[] = [];
      let cursor: string | undefined = '';
      for (let page = 0; cursor !== undefined; page += 1) {
        const { records, next }: StorePage = await handles[page % 2 === 0 ? 0 : 1].list('grant:', {
          cursor,
          limit: 64,
        });
        expect(records.length).toBeLessThanOrEqual(64);
        found.push(...records.map(({ key }) => key));
        cursor = next;
      }
      expect(found.toSorted()).toEqual(keys.toSorted());
    });

    it('refuses a cursor that is not its own', async () => {
      const store = await backend.open();
      for (const cursor of ['x', 'W10', 'WyJ4IiwiMCJd']) {
        await expect(store.list('grant:', { cursor, limit: 1 })).rejects.toThrow('not one of ours');
        await expect(store.read('events', cursor)).rejects.toThrow('not one of ours');
      }
    });
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
