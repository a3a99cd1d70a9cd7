/** R12: both replicas behind nginx are restarted, one after the other, under streams and calls. */
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort } from '../../support/free-port.ts';
import { hasNginx, startNginx } from '../../support/nginx.ts';
import { eventually } from '../../support/redis.ts';
import { startSteadyLoad } from '../support/call-load.ts';
import { listenForEvents } from '../support/event-listener.ts';
import { quantile } from '../support/figures.ts';
import { onBothLanes } from '../support/lanes.ts';
import { type ListeningUpstream, startListeningUpstream } from '../support/listening-upstream.ts';
import type { CallOutcome } from '../support/mount-connection.ts';
import { makeCall } from '../support/mount-requests.ts';
import { People } from '../support/people.ts';
import type { Scenario, World } from '../support/scenario.ts';

const scales = {
  short: { streams: 200, perSecond: 50, eventMilliseconds: 200, delay: '1s', backMilliseconds: 1_000 },
  // What two cores carry that clients, nginx and the upstream share with both replicas.
  full: { streams: 2_000, perSecond: 200, eventMilliseconds: 2_000, delay: '3s', backMilliseconds: 4_000 },
} as const;
type RollingScale = (typeof scales)['short' | 'full'];
/** Fewer than one person may have. */
const streamsEach = 30;
/** Of loopback, with ports of its own: others on the machine need some, too. */
const ownAddress = '127.0.0.2';
/** Longer than nginx leaves out a replica that it could not reach. */
const noticedMilliseconds = 2_500;

export const rollingRestart: Scenario = async (run) => {
  if (!hasNginx) return { seed: run.seed, figures: {}, problems: [] };
  const scale = scales[run.scale];
  const upstream = await startListeningUpstream();
  const env = {
    UPSTREAM_MCP_URL: upstream.url,
    SHUTDOWN_DELAY: scale.delay,
    SHUTDOWN_TIMEOUT: '30s',
    // Everybody comes from the address of nginx.
    RATE_LIMIT_ENABLED: 'false',
  };
  try {
    return await onBothLanes({ name: 'R12', run, replicas: 2, env }, (world) =>
      rollOver(world, upstream, scale),
    );
  } finally {
    await upstream.close();
  }
};

async function rollOver(world: World, upstream: ListeningUpstream, scale: RollingScale): Promise<void> {
  const { replicas } = world.cluster;
  const port = await freePort();
  const nginx = await startNginx({ port, replicas: replicas.map((replica) => replica.port) });
  world.onEnd(() => nginx.close());
  const people = new People(Math.max(64, Math.ceil(scale.streams / streamsEach)));
  const sum = (read: (replica: (typeof replicas)[number]) => number): number =>
    replicas.reduce((total, replica) => total + read(replica), 0);
  const before = sum((replica) => replica.residentMegabytes());
  const listeners = await keepListening(world, { port, people, scale });
  const speaking = setInterval(() => upstream.speak(), scale.eventMilliseconds);
  world.note({
    streams: listeners.open(),
    'memory for a stream KiB': ((sum((each) => each.residentMegabytes()) - before) * 1024) / scale.streams,
    'descriptors for a stream': sum((each) => each.descriptors()) / scale.streams,
  });
  const failed = new Map<string, CallOutcome>();
  const durations: number[] = [];
  const id = (number: number): string => `rolling-${port}-${number}`;
  const load = startSteadyLoad({
    port,
    connections: 512,
    perSecond: scale.perSecond,
    request: (number) => makeCall(people.at(number), id(number)),
    onOutcome(outcome, number) {
      durations.push(outcome.endedAt - outcome.startedAt);
      if (outcome.status !== 200 || !outcome.isWhole) failed.set(id(number), outcome);
    },
  });
  await sleep(2_000);
  for (const replica of replicas) {
    const stopped = await replica.stop();
    world.note({ [`replica ${replica.index} drained after ms`]: stopped });
    world.note({ [`replica ${replica.index} serving after ms`]: await replica.start() });
    await sleep(noticedMilliseconds);
  }
  await listeners.allBack();
  await load.stop();
  clearInterval(speaking);
  await listeners.stop();
  judge(world, upstream, failed, durations);
}

function judge(
  world: World,
  { calls }: ListeningUpstream,
  failed: ReadonlyMap<string, CallOutcome>,
  durations: readonly number[],
): void {
  const statuses = [...new Set([...failed.values()].map(({ status }) => status))].join(', ');
  const twice = [...calls.values()].filter((count) => count > 1).length;
  world.note({
    calls: durations.length,
    'calls failed': failed.size,
    'calls carried out and failed': [...failed.keys()].filter((each) => calls.has(each)).length,
    'calls carried out twice': twice,
    'call p50 ms': quantile(durations, 0.5),
    'call p99 ms': quantile(durations, 0.99),
  });
  world.expect(failed.size === 0, `${failed.size} calls failed with ${statuses}`);
  world.expect(twice === 0, 'a call was carried out twice');
}

interface KeptStreams {
  open(): number;
  /** Resolves when everybody listens again. */
  allBack(): Promise<void>;
  stop(): Promise<void>;
}

/** Clients that come back when their stream ends, each after a pause of its own. */
async function keepListening(
  world: World,
  options: { readonly port: number; readonly people: People; readonly scale: RollingScale },
): Promise<KeptStreams> {
  const { port, people, scale } = options;
  const open = new Set<ReturnType<typeof listenForEvents>>();
  const returns: number[] = [];
  const over = new AbortController();
  let [ends, cut, refused] = [0, 0, 0];
  let hasEverybodyBegun = false;

  /** One stream, from its beginning to its end. */
  async function listen(number: number): Promise<void> {
    const startedAt = performance.now();
    const listener = listenForEvents(port, people.at(number), ownAddress);
    if (!(await listener.began)) {
      refused += 1;
      return;
    }
    if (hasEverybodyBegun) returns.push(performance.now() - startedAt);
    open.add(listener);
    const { isWhole } = await listener.ended;
    open.delete(listener);
    if (over.signal.aborted) return;
    ends += 1;
    if (!isWhole || !listener.isBetweenEvents) cut += 1;
  }

  async function keep(number: number): Promise<void> {
    // Not everybody in the same moment.
    await sleep(number);
    while (!over.signal.aborted) {
      await listen(number);
      if (!over.signal.aborted) await sleep(world.random.next() * scale.backMilliseconds);
    }
  }

  const keeping = Array.from({ length: scale.streams }, (_, number) => keep(number));
  const allBack = async (): Promise<void> => {
    const isThere = await eventually(() => {
      if (open.size < scale.streams) throw new Error(`${open.size} streams are open`);
      return true;
    }, 30_000).catch(() => false);
    world.expect(isThere, `only ${open.size} of ${scale.streams} streams are open`);
  };
  await allBack();
  hasEverybodyBegun = true;
  return {
    open: () => open.size,
    allBack,
    async stop() {
      over.abort();
      for (const each of open) each.leave();
      await Promise.all(keeping);
      world.note({
        'streams ended': ends,
        'streams cut': cut,
        'streams refused': refused,
        'back p50 ms': quantile(returns, 0.5),
        'back p99 ms': quantile(returns, 0.99),
      });
      world.expect(cut === 0, `${cut} of ${ends} streams did not end between two events`);
      world.expect(ends >= scale.streams, 'not every stream ended: the test proves little');
    },
  };
}
