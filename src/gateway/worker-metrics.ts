import { type MetricSnapshot, type Registry, sumRegistries } from '../platform/telemetry/metrics.ts';
import type { ShownMetrics } from './private-listener.ts';

/** What one process has measured. */
export type MetricSnapshots = readonly MetricSnapshot[];

export interface WorkerMetrics extends ShownMetrics {
  /** What a worker says of itself unasked, such as at its end. */
  hear(worker: number, snapshots: MetricSnapshots): void;
  /** The worker is gone: what it counted stays in the sums, what it held does not. */
  leave(worker: number): void;
}

export interface WorkerMetricsDeps {
  /** Of the process that shows them. */
  readonly own: Registry;
  /** Asks every worker that lives; one that does not answer in time is missing, and counts with what it said last. */
  readonly ask: () => Promise<ReadonlyMap<number, MetricSnapshots>>;
}

/**
 * The metrics of several processes as one. No counter ever falls because a process ended: Prometheus would take that
 * for a restart, and count everything that is left once more. `worker` is a number that no later worker gets.
 */
export function createWorkerMetrics({ own, ask }: WorkerMetricsDeps): WorkerMetrics {
  const said = new Map<number, MetricSnapshots>();
  const left = new Set<number>();
  let past: Promise<MetricSnapshots> = Promise.resolve([]);

  function hear(worker: number, snapshots: MetricSnapshots): void {
    // Of one that left while it was asked, everything that was shown is in the past already.
    if (!left.has(worker)) said.set(worker, snapshots);
  }

  return {
    contentType: own.contentType,
    hear,
    async metrics() {
      const [answers, mine] = await Promise.all([ask(), own.getMetricsAsJSON()]);
      for (const [worker, snapshots] of answers) hear(worker, snapshots);
      // Both of one moment: who leaves from here on is still in the first.
      const [living, gone] = [[...said.values()], past];
      return sumRegistries([mine.map(keepStart), ...living, await gone]).metrics();
    },
    leave(worker) {
      const counted = said.get(worker)?.filter(isCounted) ?? [];
      said.delete(worker);
      left.add(worker);
      past = past.then((before) => sumRegistries([before, counted]).getMetricsAsJSON());
    },
  };
}

function isCounted({ type }: MetricSnapshot): boolean {
  return type === 'counter' || type === 'histogram';
}

/** Left out of sums by itself; the process that starts the others has been there longest. */
function keepStart(snapshot: MetricSnapshot): MetricSnapshot {
  return snapshot.name === 'process_start_time_seconds' ? { ...snapshot, aggregator: 'first' } : snapshot;
}
