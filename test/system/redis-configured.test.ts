import { afterEach, describe, expect, it } from 'vitest';

import { openStore } from '../../src/gateway/open-store.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { systemRandom } from '../../src/platform/random.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { createLogger } from '../../src/platform/telemetry/logger.ts';
import { createMetricsRegistry } from '../../src/platform/telemetry/metrics.ts';
import { load } from '../support/configuration.ts';
import { eventually, hasRedis, type RedisProcess, startRedis } from '../support/redis.ts';

describe.runIf(hasRedis)('the store that REDIS_URL configures', () => {
  const registry = createMetricsRegistry();
  const lines: string[] = [];
  let redis: RedisProcess | undefined;
  let store: Store | undefined;

  afterEach(async () => {
    await store?.close();
    await redis?.dispose();
  });

  it('counts and tells what happens to it, without its password', async () => {
    redis = await startRedis({
      settings: () => ['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'],
    });
    await redis.command('ACL', 'SETUSER', 'keeper', 'on', '>canary', '~*', '&*', '+@all');
    const { port } = redis;
    const config = load({
      REDIS_URL: `redis://keeper:canary@127.0.0.1:${port}/5`,
      REDIS_KEY_PREFIX: 'house:',
    });
    const log = createLogger({ level: 'trace', destination: { write: (line) => lines.push(line) } });
    store = await openStore(config.store, { clock: systemClock, random: systemRandom, log, registry });

    const soon = systemClock.nowSeconds() + 60;
    expect(await store.putIfAbsent('grant:1', 'active', soon)).toBe(true);
    expect(String(await redis.command('INFO', 'keyspace'))).toContain('db5:keys=2');
    await redis.command('FLUSHALL');
    await store.rememberedSince();
    await redis.kill();
    await expect(store.get('grant:1')).rejects.toThrow();
    await eventually(async () => {
      await store?.get('grant:1').catch(() => undefined);
      expect(await registry.metrics()).toMatch(/^gatehouse_store_circuit_open 1$/m);
    });

    const metrics = await registry.metrics();
    expect(metrics).toContain('gatehouse_store_epoch_changes_total 1');
    expect(metrics).toContain(
      'gatehouse_store_operation_duration_seconds_count{operation="put",outcome="ok"} 1',
    );
    expect(metrics).toMatch(/_duration_seconds_count\{operation="get",outcome="failed"\} [1-9]/);
    const logged = lines.join('');
    for (const name of [
      'redis_evicts',
      'store_connected',
      'store_epoch_changed',
      'store_disconnected',
      'store_circuit_opened',
    ]) {
      expect(logged).toContain(`"${name}"`);
    }
    expect(logged + metrics).not.toContain('canary');
  });
});
