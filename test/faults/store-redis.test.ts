import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import type { RedisConnection } from '../../src/platform/store/redis-connection.ts';
import { openRedisStore, type RedisStateChange } from '../../src/platform/store/redis-store.ts';
import { type Store, StoreError } from '../../src/platform/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type LossyRelay, startLossyRelay } from '../support/lossy-relay.ts';
import { eventually, hasRedis, type RedisProcess } from '../support/redis.ts';
import {
  type RedisDeployment,
  startCluster,
  startSentinel,
  startStandalone,
} from '../support/redis-shapes.ts';

const clock = new FakeClock();
const soon = clock.nowSeconds() + 3_600;

describe.runIf(hasRedis)('Redis store under faults', () => {
  let deployment: RedisDeployment | undefined;
  let changes: RedisStateChange[];
  let warnings: string[];
  const handles: Store[] = [];

  beforeEach(() => {
    changes = [];
    warnings = [];
  });
  afterEach(async () => {
    for (const handle of handles.splice(0)) await handle.close();
    await deployment?.dispose();
    deployment = undefined;
  });

  async function open(connection: RedisConnection): Promise<Store> {
    const handle = await openRedisStore({
      connection,
      keyPrefix: 'gatehouse:',
      clock,
      random: systemRandom,
      onStateChange: (change) => changes.push(change),
      onWarning: ({ event }) => warnings.push(event),
    });
    handles.push(handle);
    return handle;
  }

  async function start(
    make: () => Promise<RedisDeployment>,
  ): Promise<{ store: Store; server: RedisProcess; deployment: RedisDeployment }> {
    deployment = await make();
    const [server] = deployment.servers;
    if (server === undefined) throw new Error('no server');
    return { store: await open(deployment.connection), server, deployment };
  }

  describe('a server that dies', () => {
    it('makes operations fail, then fail at once, and all is well when it is back', async () => {
      const { store, server } = await start(() =>
        startStandalone(['--appendonly', 'yes', '--appendfsync', 'always']),
      );
      await store.putIfAbsent('grant:1', 'active', soon);
      await server.kill();
      await expect(store.get('grant:1')).rejects.toBeInstanceOf(StoreError);
      await eventually(async () => {
        await expect(store.get('grant:1')).rejects.toThrow('store: get failed: Redis does not answer');
        expect(changes).toContain('circuit_opened');
      });
      await server.start();
      expect(await eventually(() => store.get('grant:1'))).toBe('active');
      expect(await store.putIfAbsent('grant:1', 'again', soon)).toBe(false);
      expect(changes).toContain('circuit_closed');
    });

    it('counts as a loss: what began before is not proven any more', async () => {
      const { store, server } = await start(() => startStandalone(['--appendonly', 'yes']));
      const before = await store.rememberedSince();
      clock.advance(10);
      await server.kill();
      await server.start();
      expect(await eventually(() => store.rememberedSince())).toBeGreaterThanOrEqual(before + 10);
      expect(changes).toContain('epoch_changed');
    });

    it('wakes readers after the messages they may have missed', async () => {
      const { store, server } = await start(startStandalone);
      let wakes = 0;
      store.watch('events', () => {
        wakes += 1;
      });
      await eventually(async () => {
        const channels = await server.command('PUBSUB', 'CHANNELS');
        expect(channels).toEqual(['gatehouse:f:events']);
      });
      await server.kill();
      await server.start();
      await eventually(() => expect(wakes).toBe(1));
    });
  });

  describe('a server that does not answer', () => {
    it('holds nobody up, and is used again when it answers', async () => {
      const { store, server } = await start(startStandalone);
      await store.putIfAbsent('grant:1', 'active', soon);
      server.pause();
      // Settles although the server says nothing: nothing but the deadline can have done it.
      await expect(store.get('grant:1')).rejects.toBeInstanceOf(StoreError);
      await expect(store.replace('grant:1', 'active', 'spent', soon)).rejects.toBeInstanceOf(StoreError);
      await expect(store.ping()).rejects.toBeInstanceOf(StoreError);
      server.resume();
      // The replacement nobody was told about may have happened or not; it is one of the two.
      const present = await eventually(() => store.get('grant:1'));
      expect(['active', 'spent']).toContain(present);
      expect(await store.replace('grant:1', present ?? '', 'over', soon)).toBe(true);
    });

    it('has one winner among those who tried before, during and after', async () => {
      const { store, server, deployment: shape } = await start(startStandalone);
      const other = await open(shape.connection);
      server.pause();
      const during = await Promise.allSettled([
        store.putIfAbsent('consent:1', 'claimed', soon),
        other.putIfAbsent('consent:1', 'claimed', soon),
      ]);
      server.resume();
      const after = [
        await eventually(() => store.putIfAbsent('consent:1', 'claimed', soon)),
        await eventually(() => other.putIfAbsent('consent:1', 'claimed', soon)),
      ];
      const won = during.filter((result) => result.status === 'fulfilled' && result.value);
      expect(won.length + after.filter(Boolean).length).toBeLessThanOrEqual(1);
      expect(await store.get('consent:1')).toBe('claimed');
    });
  });

  describe('an answer that is lost', () => {
    let relay: LossyRelay;

    afterEach(async () => relay.close());

    async function openThroughRelay(): Promise<{ store: Store; direct: Store }> {
      const { store: direct, server, deployment: shape } = await start(startStandalone);
      relay = await startLossyRelay(server);
      const { connection } = shape;
      if (connection.shape !== 'standalone') throw new Error('another shape');
      return { store: await open({ ...connection, address: relay }), direct };
    }

    it('does not make a claim that was won look lost', async () => {
      const { store } = await openThroughRelay();
      relay.loseNextAnswer();
      expect(await store.putIfAbsent('consent:1', 'claimed', soon)).toBe(true);
      expect(relay.lost()).toBe(1);
      expect(await store.putIfAbsent('consent:1', 'claimed', soon)).toBe(false);
    });

    it('does not make a claim that another caller won look like ours', async () => {
      const { store, direct } = await openThroughRelay();
      expect(await direct.putIfAbsent('consent:1', 'claimed', soon)).toBe(true);
      relay.loseNextAnswer();
      expect(await store.putIfAbsent('consent:1', 'claimed', soon)).toBe(false);
      expect(relay.lost()).toBe(1);
    });

    it('does not make a replacement look lost, nor another caller’s like ours', async () => {
      const { store, direct } = await openThroughRelay();
      await direct.putIfAbsent('grant:1', 'pending', soon);
      await direct.putIfAbsent('grant:2', 'pending', soon);
      relay.loseNextAnswer();
      expect(await store.replace('grant:1', 'pending', 'active', soon)).toBe(true);
      expect(await direct.replace('grant:2', 'pending', 'active', soon)).toBe(true);
      relay.loseNextAnswer();
      expect(await store.replace('grant:2', 'pending', 'active', soon)).toBe(false);
      expect(relay.lost()).toBe(2);
    });
  });

  describe('a loss', () => {
    it('is noticed after FLUSHALL, by every process, and feeds are read again', async () => {
      const { store, server, deployment: shape } = await start(startStandalone);
      const other = await open(shape.connection);
      await store.append('events', 'one', soon);
      const { cursor } = await other.read('events', '');
      const before = await store.rememberedSince();
      clock.advance(10);
      await server.command('FLUSHALL');
      expect(await store.rememberedSince()).toBeGreaterThanOrEqual(before + 10);
      expect(await other.rememberedSince()).toBe(await store.rememberedSince());
      expect(changes.filter((change) => change === 'epoch_changed')).toHaveLength(2);
      await store.append('events', 'two', soon);
      const page = await other.read('events', cursor);
      expect(page).toMatchObject({ entries: ['two'], startedOver: true });
      expect(await other.read('events', page.cursor)).toMatchObject({ entries: [], startedOver: false });
      // A reader who had read nothing has nothing to put back.
      expect((await store.read('events', '')).startedOver).toBe(false);
    });

    it('wakes readers when it is noticed', async () => {
      const { store, server } = await start(startStandalone);
      let wakes = 0;
      store.watch('events', () => {
        wakes += 1;
      });
      await server.command('FLUSHALL');
      await eventually(() => expect(wakes).toBe(1));
    });

    it('is noticed by a process that was not there', async () => {
      const {
        store,
        server,
        deployment: shape,
      } = await start(() => startStandalone(['--appendonly', 'yes']));
      await store.close();
      await server.kill();
      await server.start();
      await open(shape.connection);
      expect(changes).toContain('epoch_changed');
    });

    it('leaves the keys of another prefix alone', async () => {
      const { store, server } = await start(startStandalone);
      await server.command('SET', 'other:r:grant:1', 'theirs');
      await store.putIfAbsent('grant:1', 'ours', soon);
      await store.delete('grant:1');
      expect((await store.list('', { cursor: '', limit: 100 })).records).toEqual([]);
      expect(await server.command('GET', 'other:r:grant:1')).toBe('theirs');
    });
  });

  describe('memory', () => {
    it('is warned about when the policy evicts', async () => {
      await start(() => startStandalone(['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru']));
      expect(warnings).toEqual(['redis_evicts']);
    });

    it('refuses writes when it is full, goes on reading, and opens no circuit', async () => {
      const { store, server } = await start(startStandalone);
      await store.putIfAbsent('grant:1', 'active', soon);
      await server.command('CONFIG', 'SET', 'maxmemory', '1');
      await expect(store.putIfAbsent('grant:2', 'active', soon)).rejects.toThrow('Redis is out of memory');
      expect(await store.get('grant:1')).toBe('active');
      expect(warnings).toEqual([]);
      expect(changes).not.toContain('circuit_opened');
    });
  });

  describe('opening', () => {
    it('is refused with the reason when the password is wrong', async () => {
      deployment = await startStandalone();
      const { connection } = deployment;
      await deployment.servers[0]?.command('CONFIG', 'SET', 'requirepass', 'right');
      await expect(open({ ...connection, password: 'wrong' })).rejects.toThrow(
        'store: open failed: Redis does not accept the user name or the password',
      );
      await expect(open(connection)).rejects.toThrow('store: open failed: Redis wants a password');
    });

    it('is refused when what is stored under the prefix is not ours', async () => {
      const { store, server } = await start(startStandalone);
      await server.command('SET', 'gatehouse:r:grant:1', 'theirs');
      await expect(store.get('grant:1')).rejects.toThrow('Redis holds something that is not ours');
      expect(await store.replace('grant:1', 'theirs', 'ours', soon)).toBe(false);
      expect(await store.putIfAbsent('grant:1', 'ours', soon)).toBe(false);
    });
  });

  describe('Sentinel', () => {
    it('writes again after a failover, on the new primary, and counts it as a loss', async () => {
      const { store, server } = await start(startSentinel);
      await store.putIfAbsent('grant:1', 'active', soon);
      const before = await store.rememberedSince();
      clock.advance(10);
      await server.kill();
      expect(await eventually(() => store.putIfAbsent('grant:2', 'active', soon))).toBe(true);
      expect(await store.rememberedSince()).toBeGreaterThanOrEqual(before + 10);
      expect(changes).toContain('epoch_changed');
      expect(await store.get('grant:2')).toBe('active');
    });
  });

  describe('Cluster', () => {
    it('follows a slot that moved', async () => {
      const { store, deployment: shape } = await start(startCluster);
      const [first] = shape.servers;
      const slot = String(await first?.command('CLUSTER', 'KEYSLOT', 'gatehouse:r:grant:1'));
      const owners = await Promise.all(
        shape.servers.map(async (server) => server.command('CLUSTER', 'MYID')),
      );
      await expect(store.get('grant:1')).resolves.toBeUndefined();
      for (const owner of owners) {
        for (const server of shape.servers)
          await server.command('CLUSTER', 'SETSLOT', slot, 'NODE', String(owner));
        expect(await eventually(() => store.putIfAbsent('grant:1', 'active', soon))).toBe(true);
        await store.delete('grant:1');
      }
    });

    it('notices the flush of any one primary', async () => {
      const { store, deployment: shape } = await start(startCluster);
      for (const server of shape.servers) {
        const before = await store.rememberedSince();
        clock.advance(10);
        await server.command('FLUSHALL');
        expect(await store.rememberedSince()).toBeGreaterThanOrEqual(before + 10);
      }
    });

    it('goes on with what the others have while one is gone, and with all when it is back', async () => {
      const { store, deployment: shape } = await start(startCluster);
      const keys = Array.from({ length: 30 }, (_, index) => `grant:${index}`);
      for (const key of keys) await store.putIfAbsent(key, 'active', soon);
      const [, second] = shape.servers;
      await second?.kill();
      await expect(Promise.all(keys.map(async (key) => store.get(key)))).rejects.toBeInstanceOf(StoreError);
      await second?.start();
      for (const key of keys) {
        expect([undefined, 'active']).toContain(await eventually(() => store.get(key)));
      }
      for (const key of keys) await eventually(() => store.putIfAbsent(key, 'active', soon));
    });
  });
});
