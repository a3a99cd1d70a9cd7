/** R23: three times the calls that a slow gatehouse can serve, and strangers on top of them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../../support/redis.ts';
import { callInTurn, startSteadyLoad } from '../support/call-load.ts';
import { listenMany } from '../support/event-listener.ts';
import { addressOf, publicUrl } from '../support/fault-client.ts';
import { quantile } from '../support/figures.ts';
import type { GatehouseProcess } from '../support/gatehouse-process.ts';
import { onBothLanes } from '../support/lanes.ts';
import { type ListeningUpstream, startListeningUpstream } from '../support/listening-upstream.ts';
import { type CallOutcome, MountConnection } from '../support/mount-connection.ts';
import { makeCall } from '../support/mount-requests.ts';
import { People } from '../support/people.ts';
import type { Scenario, World } from '../support/scenario.ts';

const scales = {
  short: { connections: 400, peakMilliseconds: 1_500, milliseconds: 3_000, streams: 30 },
  full: { connections: 1_500, peakMilliseconds: 5_000, milliseconds: 20_000, streams: 200 },
} as const;
type OverloadScale = (typeof scales)['short' | 'full'];

/** Of a core: with all of it, it would be the clients that are overloaded. */
const share = { runMilliseconds: 5, stopMilliseconds: 20 };
const tooMuch = 3;
/** A client that waited longer has given up in its mind; the answer counts for nothing. */
const patienceMilliseconds = 2_000;
const strangersPerSecond = 100;

export const overload: Scenario = async (run) => {
  const upstream = await startListeningUpstream({ isForgetful: true });
  try {
    return await onBothLanes({ name: 'R23', run, env: { UPSTREAM_MCP_URL: upstream.url } }, (world) =>
      flood(world, upstream, scales[run.scale]),
    );
  } finally {
    await upstream.close();
  }
};

async function flood(world: World, upstream: ListeningUpstream, scale: OverloadScale): Promise<void> {
  const [replica] = world.cluster.replicas;
  const pid = replica.pid();
  const people = new People(1_024);
  // An address for each call: the limits of addresses are not what is looked at here.
  const request = (number: number): string =>
    makeCall({ ...people.at(number), address: addressOf(number) }, `load-${replica.port}-${number}`);
  const streams = await listenMany([replica.port], (number) => people.at(number), scale.streams);
  await callInTurn({ port: replica.port, connections: 32, request }, (made) => made < 2_000);
  const brake = startBrake(replica);
  world.onEnd(brake.stop);
  const crowd: Crowd = { replica, request, scale, peak: await measurePeak(replica, request, scale) };
  world.note({ 'peak calls a second': crowd.peak });
  await press(world, crowd, 'calls');
  const strangers = startStrangers(replica);
  await press(world, crowd, 'with strangers');
  const strange = Map.groupBy(await strangers.stop(), ({ status }) => status < 400);
  world.note({
    'strangers served': strange.get(true)?.length ?? 0,
    'strangers not served': strange.get(false)?.length ?? 0,
    'memory MB': replica.residentMegabytes(),
  });
  world.expect(replica.pid() === pid, 'it died');
  await expectRecovery(world, replica, request);
  const before = streams.map(({ events }) => events);
  upstream.speak();
  const areHeard = await eventually(() => {
    if (streams.some(({ events }, at) => events === before[at])) throw new Error('not all of them');
    return true;
  }).catch(() => false);
  world.expect(areHeard && streams.length === scale.streams, 'a stream died');
  for (const stream of streams) stream.leave();
}

interface Crowd {
  readonly replica: GatehouseProcess;
  readonly request: (number: number) => string;
  readonly scale: OverloadScale;
  /** Calls a second that it can serve. */
  readonly peak: number;
}

async function press(world: World, { replica, request, scale, peak }: Crowd, name: string): Promise<void> {
  const load = startSteadyLoad({
    port: replica.port,
    connections: scale.connections,
    perSecond: peak * tooMuch,
    request,
  });
  const began = performance.now();
  await sleep(scale.milliseconds);
  const seconds = (performance.now() - began) / 1000;
  const [unsent, outcomes] = [load.unsent, [...load.outcomes]];
  const ended = performance.now();
  const ending = load.stop();
  await eventually(() => callSoon(replica, request(0))).catch(() => undefined);
  const recovered = performance.now() - ended;
  await ending;
  const durations = outcomes
    .filter(({ status }) => status === 200)
    .map(({ startedAt, endedAt }) => endedAt - startedAt);
  const good = durations.filter((duration) => duration < patienceMilliseconds);
  const statuses = Map.groupBy(load.outcomes, ({ status }) => status);
  const countOf = (status: number): number => statuses.get(status)?.length ?? 0;
  world.note({
    [`${name}: offered a second`]: (outcomes.length + unsent) / seconds,
    [`${name}: served in time a second`]: good.length / seconds,
    [`${name}: of the peak %`]: (100 * good.length) / seconds / peak,
    [`${name}: p50 ms`]: quantile(durations, 0.5),
    [`${name}: p99 ms`]: quantile(durations, 0.99),
    [`${name}: refused with 429 or 503`]: countOf(429) + countOf(503),
    [`${name}: without an answer`]: countOf(0),
    [`${name}: recovered after ms`]: recovered,
  });
  world.expect(good.length > 0, `${name}: nobody was served`);
  // Without an answer are those that it turned away before it had read anything.
  const other = [...statuses.keys()].filter((status) => ![0, 200, 429, 503].includes(status));
  world.expect(other.length === 0, `${name}: calls were answered with ${other.join(', ')}`);
}

async function measurePeak(
  { port }: GatehouseProcess,
  request: (number: number) => string,
  { peakMilliseconds }: OverloadScale,
): Promise<number> {
  const end = performance.now() + peakMilliseconds;
  const outcomes = await callInTurn({ port, connections: 64, request }, () => performance.now() < end);
  return (outcomes.length * 1000) / peakMilliseconds;
}

/** Registrations of clients, one address each: what can be let go first. */
function startStrangers({ port }: GatehouseProcess): { stop(): Promise<readonly CallOutcome[]> } {
  const body = '{"client_name":"Overload","redirect_uris":["https://client.example/callback"]}';
  const head = `POST /register HTTP/1.1\r\nHost: ${new URL(publicUrl).host}\r\nContent-Type: application/json\r\n`;
  const load = startSteadyLoad({
    port,
    connections: 200,
    perSecond: strangersPerSecond,
    request: (number) =>
      `${head}X-Forwarded-For: ${addressOf(number)}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  });
  return {
    async stop() {
      await load.stop();
      return load.outcomes;
    },
  };
}

async function callSoon({ port }: GatehouseProcess, request: string): Promise<void> {
  const connection = new MountConnection(port);
  const { status, startedAt, endedAt } = await connection.call(request);
  connection.destroy();
  if (status !== 200 || endedAt - startedAt > 200) throw new Error('not as before');
}

async function expectRecovery(
  world: World,
  { port }: GatehouseProcess,
  request: (number: number) => string,
): Promise<void> {
  const calls = await callInTurn({ port, connections: 16, request }, (made) => made < 100);
  world.expect(
    calls.every(({ status }) => status === 200),
    'a call failed after the flood',
  );
}

/** Stops the process most of the time. Whatever becomes of the one that does it, the process goes on. */
function startBrake(replica: GatehouseProcess): { stop(): Promise<void> } {
  const script = `
    const pid = ${replica.pid()}, parent = process.ppid, bell = new Int32Array(new SharedArrayBuffer(4));
    const signal = (name) => { try { process.kill(pid, name); return true; } catch { return false; } };
    let isOver = false;
    process.on('SIGTERM', () => { isOver = true; });
    const beat = () => {
      if (isOver || process.ppid !== parent || !signal('SIGSTOP')) { signal('SIGCONT'); process.exit(); }
      Atomics.wait(bell, 0, 0, ${share.stopMilliseconds});
      signal('SIGCONT');
      setTimeout(beat, ${share.runMilliseconds});
    };
    beat();`;
  const child: ChildProcess = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
  return {
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
