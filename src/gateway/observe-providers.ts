import { Gauge, type Registry } from '../platform/telemetry/metrics.ts';
import type { LaneLoad, WatchLane } from '../services/identity/lane-load.ts';

interface WatchedLane {
  readonly labels: { readonly identity_provider: string; readonly lane: string };
  readonly read: () => LaneLoad;
}

/** Shows what is under way at each identity provider, by its name in the configuration. */
export function observeProviders(registry: Registry): (provider: string) => WatchLane {
  const lanes: WatchedLane[] = [];
  const labelNames = ['identity_provider', 'lane'] as const;
  const registers = [registry];
  const requests = new Gauge({
    name: 'gatehouse_identity_provider_requests',
    help: 'Logins and rechecks under way at each identity provider; 64 of each at most in a process',
    labelNames,
    registers,
    collect: () => {
      for (const { labels, read } of lanes) requests.set(labels, read().underWay);
    },
  });
  const paused = new Gauge({
    name: 'gatehouse_identity_provider_paused',
    help: 'Processes that leave an identity provider alone for a moment, since it was silent',
    labelNames,
    registers,
    collect: () => {
      for (const { labels, read } of lanes) paused.set(labels, read().isPaused ? 1 : 0);
    },
  });
  return (provider) => (lane, read) => {
    lanes.push({ labels: { identity_provider: provider, lane }, read });
  };
}
