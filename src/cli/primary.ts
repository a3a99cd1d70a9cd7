import type { GatehouseConfig, ListenAddress } from '../gateway/config/config.ts';
import { formatListenAddress } from '../gateway/config/listen-address.ts';
import { bind } from '../gateway/lifecycle.ts';
import { createPrivateListener, type Readiness } from '../gateway/private-listener.ts';
import { createWorkerMetrics, type WorkerMetrics } from '../gateway/worker-metrics.ts';
import { systemClock } from '../platform/clock.ts';
import type { Logger } from '../platform/telemetry/logger.ts';
import { Counter, createMetricsRegistry, Gauge, type Registry } from '../platform/telemetry/metrics.ts';
import { createProcessCounter } from '../services/limits/process-counter.ts';
import { launchWorker } from './launch-worker.ts';
import { closeOnSignal, type SignalDeps } from './signals.ts';
import { createWorkerCrew, type WorkerCrew, type WorkerEnd, type WorkerProcess } from './worker-crew.ts';
import type { WordOfWorker } from './worker-messages.ts';
import { createWorkerQuestions } from './worker-questions.ts';

/**
 * Starts `config.workers` processes that serve the public port together, and is for everybody outside the one process
 * of this gatehouse: it binds the private listener, takes signals, keeps what the store does not keep for all, and puts
 * another worker in the place of one that ends. It never touches a request. Resolves when all of them serve.
 * @throws WorkerStartError, and the system's error when METRICS_ADDR cannot be bound
 */
export async function servePrimary(config: GatehouseConfig, deps: SignalDeps): Promise<void> {
  const { log } = deps;
  const primary = createPrimary(config, log);
  const reloads = config.sealing.kind === 'key-file';
  const timeoutSeconds = config.shutdownTimeoutSeconds + afterWorkersSeconds;
  closeOnSignal(Promise.resolve(primary), { timeoutSeconds, reloads }, deps);
  const metricsPort = await bind(primary.privateServer, config.metricsListen);
  log.info({ address: addressOf(config.metricsListen, metricsPort) }, 'metrics_listening');
  const port = await primary.crew.start();
  log.info({ address: addressOf(config.listen, port), workers: config.workers }, 'listening');
}

/** Workers have their own deadlines; this one is for a worker that misses them. */
const afterWorkersSeconds = 15;

function createPrimary(config: GatehouseConfig, log: Logger) {
  const registry = createMetricsRegistry();
  const numbers = countWorkers(registry, config.workers);
  const questions = createWorkerQuestions();
  const counter = createProcessCounter({ nowMs: () => systemClock.nowMilliseconds() });
  let state: 'starting' | 'started' | 'draining' = 'starting';

  const crew: WorkerCrew = createWorkerCrew({
    size: config.workers,
    launch: launchWorker,
    startOrder: (worker) => ({ type: 'start', worker, config }),
    onWord: hear,
    onReady(worker, { pid }) {
      log.info({ worker, worker_pid: pid }, 'worker_ready');
      numbers.ready.set(crew.ready().length);
      if (state === 'starting' && crew.ready().length === config.workers) state = 'started';
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
  const metrics: WorkerMetrics = createWorkerMetrics({
    own: registry,
    ask: async () => {
      const answers = await questions.ask('metrics', crew.ready());
      return new Map([...answers].map(([id, answer]) => [id, answer.metrics]));
    },
  });
  const privateServer = createPrivateListener({ registry: metrics, readiness }, config.metricsListen);

  function hear(process: WorkerProcess, word: WordOfWorker): void {
    switch (word.type) {
      case 'answer':
        questions.take(word.id, word.answer);
        return;
      case 'count':
        process.send({
          type: 'counted',
          id: word.id,
          count: counter.increment(word.key, word.windowSeconds, word.by),
        });
        return;
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

  /** One worker is enough to serve, and takes nobody out of rotation; at the start, all have to come. */
  async function readiness(): Promise<Readiness> {
    const answers = await questions.ask('readiness', crew.ready());
    const said = [...answers.values()].map((answer) => answer.readiness);
    const worst = (what: 'store' | 'identity_provider') =>
      said.length > 0 && said.every((each) => each[what] === 'ok') ? 'ok' : 'unavailable';
    return {
      status: statusOf(said.length),
      store: worst('store'),
      identity_provider: worst('identity_provider'),
      workers: { wanted: config.workers, ready: said.length },
    };
  }

  function statusOf(answering: number): Readiness['status'] {
    if (state === 'draining') return 'shutting_down';
    if (state === 'starting') return 'starting';
    return answering > 0 ? 'ok' : 'no_worker';
  }

  return {
    crew,
    privateServer,
    reload: async () => crew.tell({ type: 'reload' }),
    async close() {
      state = 'draining';
      await crew.drain();
      privateServer.close();
      privateServer.closeAllConnections();
    },
  };
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
