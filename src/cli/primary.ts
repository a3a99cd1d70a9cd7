import type { Server } from 'node:http';

import type { GatehouseConfig, ListenAddress } from '../gateway/config/config.ts';
import { type ConfigSource, openConfigReload } from '../gateway/config-reload.ts';
import { formatListenAddress } from '../gateway/config/listen-address.ts';
import { bind } from '../gateway/lifecycle.ts';
import { createPrivateListener } from '../gateway/private-listener.ts';
import { createWorkerMetrics, type WorkerMetrics } from '../gateway/worker-metrics.ts';
import { createWorkerReadiness } from '../gateway/worker-readiness.ts';
import { systemClock } from '../platform/clock.ts';
import type { Logger } from '../platform/telemetry/logger.ts';
import { Counter, createMetricsRegistry, Gauge, type Registry } from '../platform/telemetry/metrics.ts';
import { createProcessCounter, type ProcessCounter } from '../services/limits/process-counter.ts';
import { launchWorker } from './launch-worker.ts';
import { hasFilesToReload } from './reloadable-files.ts';
import { closeOnSignal, type Serving, type SignalDeps } from './signals.ts';
import { createWorkerCrew, type WorkerCrew, type WorkerEnd, type WorkerProcess } from './worker-crew.ts';
import type { WordOfWorker } from './worker-messages.ts';
import { createWorkerQuestions, type WorkerQuestions } from './worker-questions.ts';

/**
 * Starts `config.workers` processes that serve the public port together, and is for everybody outside the one process
 * of this gatehouse: it binds the private listener, takes signals, keeps what the store does not keep for all, and puts
 * another worker in the place of one that ends. It never touches a request. Resolves when all of them serve.
 * @throws WorkerStartError, and the system's error when METRICS_ADDR cannot be bound
 */
export async function servePrimary(config: GatehouseConfig, deps: PrimaryDeps): Promise<void> {
  const { log } = deps;
  const primary = createPrimary(config, deps);
  const reloads = hasFilesToReload(config);
  const timeoutSeconds = config.shutdownTimeoutSeconds + afterWorkersSeconds;
  // The delay is for the workers to keep; readiness says no at once.
  closeOnSignal(Promise.resolve(primary), { timeoutSeconds, delaySeconds: 0, reloads }, deps);
  const metricsPort = await bind(primary.privateServer, config.metricsListen);
  log.info({ address: addressOf(config.metricsListen, metricsPort) }, 'metrics_listening');
  const port = await primary.crew.start();
  log.info({ address: addressOf(config.listen, port), workers: config.workers }, 'listening');
}

export interface PrimaryDeps extends SignalDeps {
  /** Where the configuration came from. */
  readonly source: ConfigSource;
}

/** Workers have their own deadlines; this one is for a worker that misses them. */
const afterWorkersSeconds = 15;

interface Primary extends Serving {
  readonly crew: WorkerCrew;
  readonly privateServer: Server;
}

function createPrimary(config: GatehouseConfig, { source, log }: PrimaryDeps): Primary {
  const wanted = config.workers;
  const registry = createMetricsRegistry();
  /** Read here alone: all workers have the same, those that come later too. */
  let current = config;
  const configReload = openConfigReload(config, {
    source,
    apply(next) {
      current = next;
      tellWorkers();
    },
    log,
    registry,
    clock: systemClock,
  });
  const numbers = countWorkers(registry, wanted);
  const questions = createWorkerQuestions();
  const counter = createProcessCounter({ nowMs: () => systemClock.nowMilliseconds() });
  const crew: WorkerCrew = createWorkerCrew({
    size: wanted,
    launch: launchWorker,
    startOrder: (worker) => ({ type: 'start', worker, config: current }),
    onWord: (process, word) => hear({ crew, questions, counter, metrics }, process, word),
    onReady(worker, { pid }) {
      log.info({ worker, worker_pid: pid }, 'worker_ready');
      numbers.ready.set(crew.ready().length);
      if (crew.ready().length === wanted) health.allCame();
    },
    onEnd(worker, process, end) {
      questions.leave(process);
      metrics.leave(process.id);
      numbers.ready.set(crew.ready().length);
      if (end.nextInMs !== undefined) numbers.restarts.inc();
      logEnd(log, worker, process, end);
    },
    nowMs: () => performance.now(),
  });
  /** Again what is in force reads certificates and keys again. */
  const tellWorkers = (): void => crew.tell({ type: 'reload', config: current });
  const metrics = createWorkerMetrics({
    own: registry,
    async ask() {
      const answers = await questions.ask('metrics', crew.ready());
      return new Map([...answers].map(([id, answer]) => [id, answer.metrics]));
    },
  });
  const health = createWorkerReadiness({
    wanted,
    hasProviders: config.identityProviders.length > 0,
    async ask() {
      const answers = await questions.ask('readiness', crew.ready());
      return [...answers.values()].map((answer) => answer.readiness);
    },
  });
  const privateServer = createPrivateListener(
    { registry: metrics, readiness: () => health.readiness() },
    config.metricsListen,
  );
  return {
    crew,
    privateServer,
    async reload() {
      await configReload.reload();
      tellWorkers();
    },
    async close() {
      configReload.close();
      health.drain();
      await crew.drain();
      privateServer.close();
      privateServer.closeAllConnections();
    },
  };
}

interface Hearing {
  readonly crew: WorkerCrew;
  readonly questions: WorkerQuestions;
  readonly counter: ProcessCounter;
  readonly metrics: WorkerMetrics;
}

function hear(
  { crew, questions, counter, metrics }: Hearing,
  process: WorkerProcess,
  word: WordOfWorker,
): void {
  switch (word.type) {
    case 'answer':
      questions.take(word.id, word.answer);
      return;
    case 'count': {
      const count = counter.increment(word.key, word.windowSeconds, word.by);
      process.send({ type: 'counted', id: word.id, count });
      return;
    }
    case 'feed_grown':
      crew.tell({ type: 'feed_grown', feed: word.feed }, process);
      return;
    case 'leaving':
      metrics.hear(process.id, word.metrics);
      return;
    case 'here':
    case 'ready':
    case 'failed':
      // The crew has heard it.
      return;
  }
}

function countWorkers(registry: Registry, wanted: number) {
  const registers = [registry];
  new Gauge({
    name: 'gatehouse_workers_wanted',
    help: 'Processes that serve when all is well',
    registers,
  }).set(wanted);
  return {
    ready: new Gauge({ name: 'gatehouse_workers_ready', help: 'Processes that serve', registers }),
    restarts: new Counter({
      name: 'gatehouse_worker_restarts_total',
      help: 'Workers that ended and were replaced',
      registers,
    }),
  };
}

function logEnd(log: Logger, worker: number, { pid }: WorkerProcess, end: WorkerEnd): void {
  const line = { worker, worker_pid: pid, how: end.how };
  if (end.nextInMs === undefined) log.info(line, 'worker_ended');
  else log.error({ ...line, detail: end.failure, next_in_ms: end.nextInMs }, 'worker_lost');
}

function addressOf(listen: ListenAddress, port: number): string {
  return formatListenAddress({ ...listen, port });
}
