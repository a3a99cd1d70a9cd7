import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from '@prometheus-io/client';

/** One metric with its values at one moment, fit to be sent to another process. */
export type MetricSnapshot = MetricObjectWithValues<MetricValue<string>>;

/** A registry of our own: nothing another library registers globally can appear in it, or collide. */
export function createMetricsRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** One registry of what several have measured; each metric by its `aggregator`, which is the sum unless it says otherwise. */
export function sumRegistries(snapshots: ReadonlyArray<readonly MetricSnapshot[]>): Registry {
  return Registry.aggregate(snapshots.map((each) => [...each]));
}

export { Counter, Gauge, Histogram, type Registry };
