import { beforeEach, describe, expect, it } from 'vitest';

import {
  Counter,
  createMetricsRegistry,
  Gauge,
  Histogram,
  type Registry,
} from '../platform/telemetry/metrics.ts';
import { createWorkerMetrics, type MetricSnapshots, type WorkerMetrics } from './worker-metrics.ts';

let workers: Map<number, Registry>;
let metrics: WorkerMetrics;

/** Workers that answer; each as another process would: a copy. */
async function ask(): Promise<ReadonlyMap<number, MetricSnapshots>> {
  const answers = new Map<number, MetricSnapshots>();
  for (const [id, registry] of workers) answers.set(id, structuredClone(await registry.getMetricsAsJSON()));
  return answers;
}

beforeEach(() => {
  workers = new Map();
  metrics = createWorkerMetrics({ own: createMetricsRegistry(), ask });
});

function addWorker(id: number, { calls = 0, open = 0, seconds = [] as number[] } = {}): void {
  const registry = createMetricsRegistry();
  const registers = [registry];
  new Counter({ name: 'calls_total', help: 'c', labelNames: ['status'], registers }).inc(
    { status: '2xx' },
    calls,
  );
  new Gauge({ name: 'open_now', help: 'g', registers }).set(open);
  new Gauge({ name: 'version_is', help: 'v', aggregator: 'max', registers }).set(1);
  const histogram = new Histogram({ name: 'seconds', help: 'h', buckets: [1, 2], registers });
  for (const each of seconds) histogram.observe(each);
  workers.set(id, registry);
}

async function read(...names: readonly string[]): Promise<(number | undefined)[]> {
  const lines = (await metrics.metrics()).split('\n');
  return names.map((name) => {
    const line = lines.find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}{`));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  });
}

describe('createWorkerMetrics', () => {
  it('sums counters, gauges and histograms, and what says so is not summed', async () => {
    addWorker(1, { calls: 3, open: 2, seconds: [0.5, 1.5] });
    addWorker(2, { calls: 4, open: 1, seconds: [1.5] });
    const names = [
      'calls_total',
      'open_now',
      'version_is',
      'seconds_bucket{le="2"}',
      'seconds_sum',
      'seconds_count',
    ];
    expect(await read(...names)).toEqual([7, 3, 1, 3, 3.5, 3]);
  });

  it('keeps what a worker counted when it is gone, and lets go of what it held', async () => {
    addWorker(1, { calls: 3, open: 2, seconds: [0.5] });
    addWorker(2, { calls: 4, open: 1 });
    await metrics.metrics();
    workers.delete(1);
    metrics.leave(1);
    expect(await read('calls_total', 'open_now', 'seconds_count')).toEqual([7, 1, 1]);
    addWorker(3, { calls: 5, open: 1, seconds: [0.5] });
    workers.delete(2);
    metrics.leave(2);
    expect(await read('calls_total', 'open_now', 'seconds_count')).toEqual([12, 1, 2]);
  });

  it('counts the last words of a worker', async () => {
    addWorker(1, { calls: 3 });
    await metrics.metrics();
    addWorker(1, { calls: 9 });
    metrics.hear(1, (await ask()).get(1) ?? []);
    workers.delete(1);
    metrics.leave(1);
    expect(await read('calls_total')).toEqual([9]);
  });

  it('counts a worker that does not answer with what it said last', async () => {
    addWorker(1, { calls: 3, open: 2 });
    await metrics.metrics();
    workers.delete(1);
    expect(await read('calls_total', 'open_now')).toEqual([3, 2]);
  });

  it('does not count twice a worker that goes while it is asked', async () => {
    addWorker(1, { calls: 3 });
    await metrics.metrics();
    const reading = read('calls_total');
    metrics.leave(1);
    expect(await reading).toEqual([3]);
    workers.delete(1);
    expect(await read('calls_total')).toEqual([3]);
  });

  it('shows when the process that starts the others was started', async () => {
    addWorker(1);
    const [start] = await read('process_start_time_seconds');
    expect(start).toBeGreaterThan(0);
  });
});
