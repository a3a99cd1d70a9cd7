import type { Clock } from '../platform/clock.ts';
import { createLineBudget, type LineBudget } from '../platform/telemetry/line-budget.ts';
import type { Logger } from '../platform/telemetry/logger.ts';
import {
  Counter,
  createMetricsRegistry,
  Gauge,
  Histogram,
  type Registry,
} from '../platform/telemetry/metrics.ts';
import type { SealPurpose } from '../platform/sealing/sealer.ts';
import { createEventLog } from '../services/audit/event-log.ts';
import { createEventMetrics } from '../services/audit/event-metrics.ts';
import type { Emit, GatehouseEvent } from '../services/audit/events.ts';
import { createToolMetrics } from '../services/audit/tool-metrics.ts';
import type { AccessRecord, CallDetails } from './access-log.ts';
import type { GatehouseConfig } from './config/config.ts';

/** Everything that is seen of this process from outside: events, metrics and the log, joined in one place. */
export interface Observation {
  readonly registry: Registry;
  readonly emit: Emit;
  readonly onSeal: (purpose: SealPurpose) => void;
  /** Seconds from a revocation to the last byte of a call that it ended. */
  readonly onRevocationDone: (seconds: number) => void;
  /** @param mount its name, where there are several */
  readonly onRequest: (
    record: AccessRecord,
    call: CallDetails | undefined,
    mount: string | undefined,
  ) => void;
  /** What lines that strangers can cause at will are written from. */
  readonly lines: LineBudget;
}

export interface ObserveDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly version: string;
  readonly inFlight: () => number;
  readonly connections: () => number;
  readonly config: Pick<GatehouseConfig, 'toolMetrics'>;
  /** A further reader of events, for embedders and tests. */
  readonly onEvent: ((event: GatehouseEvent) => void) | undefined;
}

export function observe(deps: ObserveDeps): Observation {
  const registry = createMetricsRegistry();
  const lines = createLineBudget({
    clock: deps.clock,
    onLeftOut: (counts) => deps.log.warn({ left_out: counts }, 'log_lines_left_out'),
  });
  const toLog = createEventLog(deps.log);
  const toMetrics = createEventMetrics(registry);
  const { enabled, maxCardinality } = deps.config.toolMetrics;
  const toTools = enabled ? createToolMetrics(registry, maxCardinality) : undefined;
  const registers = [registry];
  const seals = new Counter({
    name: 'mcp_auth_token_seals_total',
    help: 'Values sealed, by purpose',
    labelNames: ['purpose'],
    registers,
  });
  const duration = new Histogram({
    name: 'gatehouse_http_request_duration_seconds',
    help: 'From the first byte of a request to the last byte of its answer; streams count until they end',
    labelNames: ['method', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
    registers,
  });
  const revocationDone = new Histogram({
    name: 'gatehouse_revocation_to_last_byte_seconds',
    help: 'From a revocation, wherever it was made, to the last byte of each call that it ended here',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const requestsInFlight = new Gauge({
    name: 'gatehouse_requests_in_flight',
    help: 'Requests being answered, streams included',
    registers,
    collect: () => {
      requestsInFlight.set(deps.inFlight());
    },
  });
  const connections = new Gauge({
    name: 'gatehouse_connections_open',
    help: 'Connections of clients',
    registers,
    collect: () => {
      connections.set(deps.connections());
    },
  });
  new Gauge({
    name: 'gatehouse_build_info',
    help: 'Always 1; the version is in the label',
    labelNames: ['version'],
    aggregator: 'max',
    registers,
  }).set({ version: deps.version }, 1);
  const durations = new Map<string, ReturnType<typeof duration.labels>>();

  /** The series are few and looked up for every request: by a key that needs no object. */
  function observeDuration(method: string, status: number, seconds: number): void {
    const statusClass = Math.floor(status / 100);
    const key = `${knownMethod(method)} ${statusClass}`;
    let series = durations.get(key);
    if (series === undefined) {
      series = duration.labels({ method: knownMethod(method), status: `${statusClass}xx` });
      durations.set(key, series);
    }
    series.observe(seconds);
  }

  const mountCalls = new Counter({
    name: 'gatehouse_mount_requests_total',
    help: 'Requests to each mount, where there are several',
    labelNames: ['mount', 'status'],
    registers,
  });
  const calls = new Map<string, ReturnType<typeof mountCalls.labels>>();

  function countCall(mount: string, status: number): void {
    const key = `${mount} ${Math.floor(status / 100)}`;
    let series = calls.get(key);
    if (series === undefined) {
      series = mountCalls.labels({ mount, status: `${Math.floor(status / 100)}xx` });
      calls.set(key, series);
    }
    series.inc();
  }

  return {
    registry,
    lines,
    emit: (event, requestId) => {
      const flood = floodKind(event);
      if (flood === undefined || lines.take(flood)) toLog(event, requestId);
      toMetrics(event);
      deps.onEvent?.(event);
    },
    onSeal: (purpose) => seals.inc({ purpose: purpose.name }),
    // The clocks of two replicas may differ.
    onRevocationDone: (seconds) => {
      revocationDone.observe(Math.max(0, seconds));
    },
    onRequest: (record, call, mount) => {
      const { status } = record;
      observeDuration(record.method, status, record.durationMs / 1000);
      if (mount !== undefined) countCall(mount, status);
      if (call?.rpc === undefined) return;
      const { requestBytes, responseBytes } = call;
      const { batch, toolCalls } = call.rpc;
      toTools?.({ batch, toolCalls, requestBytes, responseBytes, failed: status >= 400 });
    },
  };
}

/** Events that come by the thousand when somebody wants them to, or when something is down; metrics count each. */
function floodKind(event: GatehouseEvent): string | undefined {
  switch (event.type) {
    case 'request_refused':
      return `${event.endpoint} ${event.reason}`;
    case 'policy_denied':
      return `${event.type} ${event.mount}`;
    case 'store_failed':
      return `${event.type} ${event.operation}`;
    case 'upstream_failed':
      return `${event.type} ${event.kind}`;
    case 'connection_refused':
      return `${event.type} ${event.cause}`;
    default:
      return undefined;
  }
}

/** Strangers choose the method; a label must not let them choose how many series there are. */
function knownMethod(method: string): string {
  return ['GET', 'POST', 'DELETE', 'HEAD', 'OPTIONS'].includes(method) ? method : 'other';
}
