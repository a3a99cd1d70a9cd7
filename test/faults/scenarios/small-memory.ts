/** R16: a gatehouse in 256 MB, with thousands of streams, large bodies and bombs. */

import { eventually } from '../../support/redis.ts';
import { callInTurn } from '../support/call-load.ts';
import { type EventListener, listenMany } from '../support/event-listener.ts';
import { publicUrl } from '../support/fault-client.ts';
import type { GatehouseProcess } from '../support/gatehouse-process.ts';
import { onBothLanes } from '../support/lanes.ts';
import { type ListeningUpstream, startListeningUpstream } from '../support/listening-upstream.ts';
import { type CallOutcome, MountConnection } from '../support/mount-connection.ts';
import { makeCall, makeHead } from '../support/mount-requests.ts';
import { People } from '../support/people.ts';
import type { Scenario, World } from '../support/scenario.ts';

const scales = {
  short: { streams: 300, bodiesAtOnce: 6, milliseconds: 2_000, bombs: 50 },
  full: { streams: 2_000, bodiesAtOnce: 32, milliseconds: 20_000, bombs: 200 },
} as const;
type SmallScale = (typeof scales)['short' | 'full'];

/**
 * Not a control group, which takes rights on the machine: the kernel's own record of the most that was resident, judged
 * at the end. The heap is told its size, as somebody does who has no more: otherwise it collects garbage when it suits it.
 */
const limitMegabytes = 256;
const heap = '--max-old-space-size=96 --max-semi-space-size=8';
const bodyBytes = 16 * 1024 * 1024;

interface Small {
  readonly world: World;
  readonly upstream: ListeningUpstream;
  readonly replica: GatehouseProcess;
  readonly people: People;
  readonly scale: SmallScale;
}

export const smallMemory: Scenario = async (run) => {
  // Slow to take a body: what has come of it has to be somewhere.
  const upstream = await startListeningUpstream({ slowMilliseconds: 200 });
  const env = {
    UPSTREAM_MCP_URL: upstream.url,
    NODE_OPTIONS: heap,
    RATE_LIMIT_ENABLED: 'false',
  };
  try {
    return await onBothLanes({ name: 'R16', run, env }, (world) => {
      const [replica] = world.cluster.replicas;
      const scale = scales[run.scale];
      return squeeze({ world, upstream, replica, people: new People(512), scale });
    });
  } finally {
    await upstream.close();
  }
};

async function squeeze(small: Small): Promise<void> {
  const { world, replica, people, scale } = small;
  const pid = replica.pid();
  const atStart = replica.residentMegabytes();
  const streams = await listenMany([replica.port], (number) => people.at(number), scale.streams);
  world.expect(streams.length === scale.streams, 'the streams did not begin');
  const withStreams = replica.residentMegabytes();
  const bodies = await sendBodies(small);
  const answers = await throwBombs(small);
  const peak = replica.peakMegabytes();
  world.note({
    streams: streams.length,
    'resident at the start MB': atStart,
    'resident with the streams MB': withStreams,
    'resident at most MB': peak,
    'bodies of 16 MB served': bodies.filter(({ status }) => status === 200).length,
    'bodies of 16 MB not served': bodies.filter(({ status }) => status !== 200).length,
  });
  world.expect(replica.pid() === pid, 'it died');
  world.expect(peak < limitMegabytes, `it took more than ${limitMegabytes} MB`);
  world.expect(
    bodies.every(({ status }) => status === 200 || status === 503),
    'a body was neither served nor refused with 503',
  );
  const rude = answers.filter((status) => status >= 500 && status !== 503);
  world.expect(rude.length === 0, `bombs were answered with ${[...new Set(rude)].join(', ')}`);
  await expectAlive(small, streams);
  for (const stream of streams) stream.leave();
}

/** Large bodies, again and again, as many as there are at once. */
async function sendBodies({ replica, people, scale }: Small): Promise<readonly CallOutcome[]> {
  const body = Buffer.alloc(bodyBytes, 'x');
  const end = performance.now() + scale.milliseconds;
  const outcomes: CallOutcome[] = [];
  const work = async (_: unknown, index: number): Promise<void> => {
    while (performance.now() < end) {
      const connection = new MountConnection(replica.port);
      const head = `${makeHead('POST', people.at(index))}Content-Length: ${bodyBytes}\r\n\r\n`;
      const answer = connection.call(head);
      connection.socket.write(body);
      outcomes.push(await answer);
      connection.destroy();
    }
  };
  await Promise.all(Array.from({ length: scale.bodiesAtOnce }, work));
  return outcomes;
}

/** Requests that are made to be large once they are taken in. Resolves with the statuses; 0: the connection ended. */
async function throwBombs({ replica, people, scale }: Small): Promise<readonly number[]> {
  const { host } = new URL(publicUrl);
  const post = (target: string, type: string, body: string): string =>
    `POST ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const endless = `Transfer-Encoding: chunked\r\n\r\n${`10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(300)}`;
  const bombs: readonly string[] = [
    post('/register', 'application/json', '['.repeat(60_000)),
    post('/register', 'application/json', `{"redirect_uris":[${'"https://a.example/",'.repeat(3_000)}""]}`),
    post('/token', 'application/x-www-form-urlencoded', 'a=1&'.repeat(15_000)),
    post(
      '/token',
      'application/x-www-form-urlencoded',
      `grant_type=refresh_token&refresh_token=${'A'.repeat(60_000)}`,
    ),
    `${makeHead('POST', people.at(0))}${Array.from({ length: 500 }, (_, at) => `X-${at}: ${'y'.repeat(20)}\r\n`).join('')}\r\n`,
    `${makeHead('POST', people.at(0))}X: ${'y'.repeat(60_000)}\r\n\r\n`,
    `${makeHead('POST', people.at(1))}Content-Length: 17000000\r\n\r\n`,
    `${makeHead('POST', people.at(2))}${endless}`,
    `${makeHead('POST', people.at(3))}Content-Length: 100000\r\n\r\n${'['.repeat(100_000)}`,
  ];
  const outcomes = await Promise.all(
    bombs.map(async (bomb) => {
      const answers: CallOutcome[] = [];
      for (let thrown = 0; thrown < scale.bombs / bombs.length; thrown += 1) {
        // What comes behind a refusal is not heard: each has a connection of its own.
        const connection = new MountConnection(replica.port);
        answers.push(await connection.call(bomb));
        connection.destroy();
      }
      return answers;
    }),
  );
  return outcomes.flat().map(({ status }) => status);
}

async function expectAlive(small: Small, streams: readonly EventListener[]): Promise<void> {
  const { world, upstream, replica, people } = small;
  const before = streams.map(({ events }) => events);
  upstream.speak();
  const silent = (): number => streams.filter(({ events }, at) => events === before[at]).length;
  await eventually(() => {
    if (silent() > 0) throw new Error('not all of them');
  }).catch(() => undefined);
  world.expect(silent() === 0, `${silent()} streams died`);
  const request = (number: number): string => makeCall(people.at(number), `after-${replica.port}-${number}`);
  const calls = await callInTurn({ port: replica.port, connections: 16, request }, (made) => made < 100);
  world.expect(
    calls.every(({ status }) => status === 200),
    'a call failed afterwards',
  );
}
