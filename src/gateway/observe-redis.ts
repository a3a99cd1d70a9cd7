import type { RedisStateChange } from '../platform/store/redis-store.ts';
import type { RedisWarning } from '../platform/store/redis-warnings.ts';
import type { Logger } from '../platform/telemetry/logger.ts';
import { Counter, Gauge, Histogram, type Registry } from '../platform/telemetry/metrics.ts';

/** What the Redis store tells about itself. */
export interface RedisObservation {
  readonly onLatency: (operation: string, seconds: number, outcome: 'ok' | 'failed') => void;
  readonly onStateChange: (change: RedisStateChange) => void;
  readonly onWarning: (warning: RedisWarning) => void;
}

const severities = {
  connected: 'info',
  disconnected: 'warn',
  circuit_opened: 'error',
  circuit_closed: 'info',
  epoch_changed: 'warn',
} as const satisfies Record<RedisStateChange, 'info' | 'warn' | 'error'>;

/** Turns what happens to the connection into metrics and log lines. */
export function observeRedis(deps: { readonly registry: Registry; readonly log: Logger }): RedisObservation {
  const registers = [deps.registry];
  const latency = new Histogram({
    name: 'gatehouse_store_operation_duration_seconds',
    help: 'Operations on the store, repetition included; those that an open circuit refused are not in it',
    labelNames: ['operation', 'outcome'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1],
    registers,
  });
  const epochs = new Counter({
    name: 'gatehouse_store_epoch_changes_total',
    help: 'Times that the store may have forgotten what it acknowledged: flushed, restarted or failed over',
    registers,
  });
  const circuit = new Gauge({
    name: 'gatehouse_store_circuit_open',
    help: '1 while operations fail at once because the store does not answer',
    aggregator: 'max',
    registers,
  });
  circuit.set(0);
  return {
    onLatency: (operation, seconds, outcome) => latency.observe({ operation, outcome }, seconds),
    onStateChange(change) {
      if (change === 'epoch_changed') epochs.inc();
      if (change === 'circuit_opened' || change === 'circuit_closed') {
        circuit.set(change === 'circuit_opened' ? 1 : 0);
      }
      deps.log[severities[change]](
        change === 'epoch_changed'
          ? { detail: 'Redis was flushed, restarted or failed over: logins that had begun start again' }
          : {},
        `store_${change}`,
      );
    },
    onWarning: ({ event, message }) => deps.log.warn({ detail: message }, event),
  };
}
