/** R26: what a call and the first byte of a stream take longer through the gatehouse, at 500 calls a second. */
import { setTimeout as sleep } from 'node:timers/promises';

import { callInTurn, startSteadyLoad } from '../support/call-load.ts';
import { type Figures, quantile } from '../support/figures.ts';
import { onBothLanes } from '../support/lanes.ts';
import { type ListeningUpstream, startListeningUpstream } from '../support/listening-upstream.ts';
import { type CallOutcome, MountConnection } from '../support/mount-connection.ts';
import { makeCall, makeListen } from '../support/mount-requests.ts';
import { People } from '../support/people.ts';
import type { Scenario, World } from '../support/scenario.ts';

const scales = {
  short: { perSecond: 100, rounds: 1, milliseconds: 1_000, streams: 20, calls: 1_000 },
  full: { perSecond: 500, rounds: 5, milliseconds: 5_000, streams: 500, calls: 40_000 },
} as const;
type OverheadScale = (typeof scales)['short' | 'full'];

export const proxyOverhead: Scenario = async (run) => {
  const upstream = await startListeningUpstream({ isForgetful: true });
  const env = { UPSTREAM_MCP_URL: upstream.url, RATE_LIMIT_ENABLED: 'false' };
  try {
    return await onBothLanes({ name: 'R26', run, env }, (world) =>
      compare(world, upstream, scales[run.scale]),
    );
  } finally {
    await upstream.close();
  }
};

async function compare(world: World, upstream: ListeningUpstream, scale: OverheadScale): Promise<void> {
  const [replica] = world.cluster.replicas;
  const people = new People(256);
  const request = (number: number): string => makeCall(people.at(number), `over-${number}`);
  await callInTurn({ port: replica.port, connections: 16, request }, (made) => made < scale.calls / 4);
  const [bare, through]: [CallOutcome[], CallOutcome[]] = [[], []];
  // In turns, so that what else the machine does is shared out.
  for (let round = 0; round < scale.rounds; round += 1) {
    for (const [port, outcomes] of [[upstream.port, bare] as const, [replica.port, through] as const]) {
      const load = startSteadyLoad({ port, connections: 256, perSecond: scale.perSecond, request });
      await sleep(scale.milliseconds);
      await load.stop();
      outcomes.push(...load.outcomes);
    }
  }
  const began = performance.now();
  const busy = await callInTurn(
    { port: replica.port, connections: 64, request },
    (made) => made < scale.calls,
  );
  const seconds = (performance.now() - began) / 1000;
  world.note({
    calls: through.length,
    ...quantilesOf('upstream', bare),
    ...quantilesOf('through', through),
    'added p50 µs': inMicroseconds(through, 0.5) - inMicroseconds(bare, 0.5),
    'added p99 µs': inMicroseconds(through, 0.99) - inMicroseconds(bare, 0.99),
    'calls a second, 64 at once': busy.length / seconds,
    ...(await measureFirstBytes(world, replica.port, people, scale.streams)),
  });
  world.expect(
    [...bare, ...through, ...busy].every(({ status, isWhole }) => status === 200 && isWhole),
    'a call failed',
  );
}

function quantilesOf(name: string, outcomes: readonly CallOutcome[]): Figures {
  return {
    [`${name} p50 µs`]: inMicroseconds(outcomes, 0.5),
    [`${name} p99 µs`]: inMicroseconds(outcomes, 0.99),
  };
}

function inMicroseconds(outcomes: readonly CallOutcome[], share: number): number {
  return quantile(
    outcomes.map(({ startedAt, endedAt }) => (endedAt - startedAt) * 1000),
    share,
  );
}

/** Streams one after the other; the upstream, in this process, writes down in each when it began it. */
async function measureFirstBytes(
  world: World,
  port: number,
  people: People,
  count: number,
): Promise<Figures> {
  const microseconds: number[] = [];
  for (let number = 0; number < count; number += 1) {
    const connection = new MountConnection(port);
    const first = await new Promise<string>((resolve) => {
      const ending = connection.call(makeListen(people.at(number)), {
        onBody: (bytes) => resolve(bytes.toString('latin1')),
      });
      void ending.then(({ status }) => resolve(`: no stream, ${status}`));
    });
    microseconds.push((performance.now() - Number(first.slice(2))) * 1000);
    connection.destroy();
  }
  world.expect(!microseconds.some(Number.isNaN), 'a stream did not begin');
  return {
    'first byte p50 µs': quantile(microseconds, 0.5),
    'first byte p99 µs': quantile(microseconds, 0.99),
  };
}
