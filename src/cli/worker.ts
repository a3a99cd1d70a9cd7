import type { GatehouseConfig, ProviderConfig } from '../gateway/config/config.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { systemClock } from '../platform/clock.ts';
import { systemRandom } from '../platform/random.ts';
import { createLogger, describeError } from '../platform/telemetry/logger.ts';
import { findDescriptorLimit } from './descriptor-limit.ts';
import { describeFailure } from './failure.ts';
import { closeOnSignal } from './signals.ts';
import { openWorkerLine, type WorkerLine } from './worker-line.ts';

export interface WorkerDeps {
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/**
 * One of the processes that `gatehouse serve` starts when WORKERS is more than one: a gateway that takes its orders
 * from the primary, and ends with it. SIGTERM drains this one alone; another takes its place.
 * @throws CommandFailure when there is no primary
 */
export async function runWorker({ exit }: WorkerDeps): Promise<void> {
  // A terminal sends these to the whole group, where the primary decides for everybody.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP'] as const) process.on(signal, () => {});
  const line = openWorkerLine(process);
  const { worker, config } = await line.start;
  const log = createLogger({ level: config.logging.level, worker });
  const gateway = createGateway(shareOf(config), {
    log,
    clock: systemClock,
    random: systemRandom,
    descriptors: findDescriptorLimit(),
    crew: line.joinCrew({ pushes: config.store.kind === 'redis' }),
  });
  const starting = start(gateway, line);
  const drain = closeOnSignal(
    starting,
    {
      timeoutSeconds: config.shutdownTimeoutSeconds,
      delaySeconds: config.shutdownDelaySeconds,
      reloads: false,
      faultsOnly: true,
      beforeEnd: () => line.sayGoodbye(),
    },
    { log, exit },
  );
  // Sent to one or, by some service managers, to all: however often it comes, and from wherever, it is one drain.
  process.on('SIGTERM', drain);
  line.onDrain(drain);
  line.onReload((next) => {
    gateway.reload(next).catch((error: unknown) => log.error(describeError(error), 'config_reload_refused'));
  });
  await starting.catch(() => exit(1));
}

async function start(gateway: Gateway, line: WorkerLine): Promise<Gateway> {
  try {
    const { publicPort } = await gateway.listen();
    await line.say({ type: 'ready', port: publicPort });
    return gateway;
  } catch (error) {
    await gateway.close(0);
    await line.say({ type: 'failed', text: describeFailure(error) });
    throw error;
  }
}

/** What counts for the whole gatehouse and nobody counts together is divided. */
function shareOf(config: GatehouseConfig): GatehouseConfig {
  const { workers } = config;
  const share = (provider: ProviderConfig): ProviderConfig => {
    const { exchangeRatePerSecond: rate, exchangeBurst } = provider;
    return {
      ...provider,
      exchangeRatePerSecond: rate === undefined ? undefined : rate / workers,
      exchangeBurst: Math.max(1, exchangeBurst / workers),
    };
  };
  return { ...config, identityProviders: config.identityProviders.map(share) };
}
