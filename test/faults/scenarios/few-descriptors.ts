/** R17: a gatehouse may have 512 descriptors, and 2,000 clients connect; then it has none left at all. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../../support/redis.ts';
import { type EventListener, listenMany } from '../support/event-listener.ts';
import type { GatehouseProcess } from '../support/gatehouse-process.ts';
import { onBothLanes } from '../support/lanes.ts';
import { type ListeningUpstream, startListeningUpstream } from '../support/listening-upstream.ts';
import { MountConnection } from '../support/mount-connection.ts';
import { makeCall } from '../support/mount-requests.ts';
import { People } from '../support/people.ts';
import type { Scenario, World } from '../support/scenario.ts';

const scales = {
  short: { clients: 1_000, streams: 60, saturatedMilliseconds: 1_500 },
  full: { clients: 2_000, streams: 100, saturatedMilliseconds: 15_000 },
} as const;
type FewScale = (typeof scales)['short' | 'full'];
const descriptors = 512;
/** Besides those that the streams take, next to nothing: no client's connection leaves one for the upstream's. */
const spareWhenLowered = 40;
/** A process that spins has all of a core; one that waits has next to nothing. */
const spinningShare = 0.5;

interface Few {
  readonly world: World;
  readonly upstream: ListeningUpstream;
  readonly replica: GatehouseProcess;
  readonly people: People;
  readonly scale: FewScale;
  readonly streams: readonly EventListener[];
}

export const fewDescriptors: Scenario = async (run) => {
  const upstream = await startListeningUpstream();
  try {
    const env = { UPSTREAM_MCP_URL: upstream.url };
    return await onBothLanes({ name: 'R17', run, env, descriptors }, (world) =>
      crowdTwice(world, upstream, scales[run.scale]),
    );
  } finally {
    await upstream.close();
  }
};

async function crowdTwice(world: World, upstream: ListeningUpstream, scale: FewScale): Promise<void> {
  const [replica] = world.cluster.replicas;
  const people = new People(256);
  const pid = replica.pid();
  const streams = await listenMany([replica.port], (number) => people.at(number), scale.streams);
  world.expect(streams.length === scale.streams, 'the streams did not begin');
  const few: Few = { world, upstream, replica, people, scale, streams };
  const known = await crowd(few, 'limit known');
  world.expect(known.refused === 0, `${known.refused} calls were let in, and refused`);
  lowerDescriptors(replica, replica.descriptors() + spareWhenLowered);
  await crowd(few, 'limit lowered');
  world.expect(replica.pid() === pid, 'it crashed');
  for (const stream of streams) stream.leave();
}

/** Everybody connects; every other client says something at once. */
async function crowd(few: Few, name: string): Promise<{ readonly refused: number }> {
  const { world, replica, people, scale } = few;
  const clients = Array.from({ length: scale.clients }, () => new MountConnection(replica.port));
  const calls = clients
    .filter((_, index) => index % 2 === 0)
    .map((client, index) => client.call(makeCall(people.at(index), `${name}-${replica.port}-${index}`)));
  await sleep(500);
  const [cpu, began] = [replica.cpuMilliseconds(), performance.now()];
  const most = replica.descriptors();
  await expectEvents(few, 'while nobody else could connect');
  await sleep(scale.saturatedMilliseconds);
  const share = (replica.cpuMilliseconds() - cpu) / (performance.now() - began);
  const closed = clients.filter(({ isUsable }) => !isUsable).length;

  for (const client of clients) client.destroy();
  const outcomes = await Promise.all(calls);
  const left = performance.now();
  const isServing = await eventually(() => callOnce(few)).catch(() => false);
  const refused = outcomes.filter(({ status }) => status !== 200 && status !== 0).length;
  world.note({
    [`${name}: clients`]: scale.clients,
    [`${name}: turned away`]: closed,
    [`${name}: descriptors`]: most,
    [`${name}: calls served`]: outcomes.filter(({ status }) => status === 200).length,
    [`${name}: calls refused`]: refused,
    [`${name}: CPU while saturated %`]: share * 100,
    [`${name}: serving again after ms`]: performance.now() - left,
  });
  world.expect(closed > scale.clients / 2, `${name}: there was room for most: the test proves nothing`);
  world.expect(share < spinningShare, `${name}: it spins while nobody can connect`);
  world.expect(isServing, `${name}: it does not serve after the crowd has left`);
  await expectEvents(few, 'after the crowd had left');
  return { refused };
}

/** Behind its back: it counts on more. */
function lowerDescriptors(replica: GatehouseProcess, count: number): void {
  execFileSync('/usr/bin/prlimit', ['--pid', String(replica.pid()), `--nofile=${count}:${count}`]);
}

async function expectEvents({ world, upstream, streams }: Few, when: string): Promise<void> {
  const before = streams.map(({ events }) => events);
  upstream.speak();
  const silent = (): number => streams.filter(({ events }, at) => events === before[at]).length;
  const isHeard = await eventually(() => {
    if (silent() > 0) throw new Error('not all of them');
    return true;
  }).catch(() => false);
  world.expect(isHeard, `${silent()} streams died ${when}`);
}

async function callOnce({ replica, people }: Few): Promise<boolean> {
  const connection = new MountConnection(replica.port);
  const { status } = await connection.call(makeCall(people.at(0), `again-${replica.port}`));
  connection.destroy();
  if (status !== 200) throw new Error(`a call was answered with ${status}`);
  return true;
}
