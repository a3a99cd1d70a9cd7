/** R10: an upstream that is down, silent, early, late, huge or endless, and neighbours that must not notice. */
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../../support/redis.ts';
import { callInTurn, startSteadyLoad } from '../support/call-load.ts';
import { quantile } from '../support/figures.ts';
import {
  answerOf,
  bigBytes,
  eventOf,
  type HostileUpstream,
  markOf,
  type Mischief,
  startHostileUpstream,
} from '../support/hostile-upstream.ts';
import { onBothLanes } from '../support/lanes.ts';
import { type CallOutcome, MountConnection } from '../support/mount-connection.ts';
import { makeCall, makeHead } from '../support/mount-requests.ts';
import { People } from '../support/people.ts';
import type { Scenario, World } from '../support/scenario.ts';

const scales = {
  short: { repeats: 24, downloads: 1, stalled: 8, endless: 8, calmMilliseconds: 500 },
  full: { repeats: 500, downloads: 10, stalled: 30, endless: 100, calmMilliseconds: 5_000 },
} as const;
const atOnce = 200;
const uploadBytes = 16 * 1024 * 1024;
/** Far below what one side had to send, far above what sockets and garbage take. */
const boundedMegabytes = 96;

interface Trouble {
  readonly world: World;
  readonly upstream: HostileUpstream;
  readonly port: number;
  readonly scale: (typeof scales)['short' | 'full'];
  readonly people: People;
}

export const upstreamTrouble: Scenario = async (run) => {
  const upstream = await startHostileUpstream();
  const env = { UPSTREAM_MCP_URL: upstream.url, UPSTREAM_HEADER_TIMEOUT: '4s' };
  const people = new People(256);
  try {
    return await onBothLanes({ name: 'R10', run, env }, async (world) => {
      const { port } = world.cluster.replicas[0];
      await troubleAll({ world, upstream, port, scale: scales[run.scale], people });
    });
  } finally {
    await upstream.close();
  }
};

async function troubleAll(trouble: Trouble): Promise<void> {
  const { world, upstream, scale } = trouble;
  const calm = startNeighbours(trouble, 'calm');
  await sleep(scale.calmMilliseconds);
  await calm.stop();
  const [replica] = world.cluster.replicas;
  const memory = [replica.residentMegabytes()];
  const neighbours = startNeighbours(trouble, 'meanwhile');
  for (const round of ['first', 'second']) {
    await mistreat(trouble, round);
    memory.push(replica.residentMegabytes());
  }
  await download(trouble);
  await stall(trouble);
  await leaveEndless(trouble);
  await neighbours.stop();
  await goDown(trouble);
  const times = [...upstream.calls.values()];
  const [before = 0, between = 0, after = 0] = memory;
  world.note({
    'first round: memory grown MB': between - before,
    'second round: memory grown MB': after - between,
  });
  world.expect(
    times.every((count) => count === 1),
    'a call reached the upstream twice',
  );
}

/** People whose calls the upstream answers as it should. */
function startNeighbours({ world, port, people }: Trouble, name: string): { stop(): Promise<void> } {
  const durations: number[] = [];
  let wrong = 0;
  const id = (number: number): string => `${name}-${world.random.seed}-${number}`;
  const load = startSteadyLoad({
    port,
    connections: 64,
    perSecond: 50,
    request: (number) => makeCall(people.at(number), `${id(number)}-${port}`),
    onOutcome(outcome, number) {
      durations.push(outcome.endedAt - outcome.startedAt);
      const isRight = outcome.status === 200 && outcome.body === answerOf(`${id(number)}-${port}`);
      if (!isRight) wrong += 1;
    },
  });
  return {
    async stop() {
      await load.stop();
      world.note({
        [`neighbours ${name} p50 ms`]: quantile(durations, 0.5),
        [`neighbours ${name} p99 ms`]: quantile(durations, 0.99),
      });
      world.expect(wrong === 0, `${wrong} calls of neighbours (${name}) were not answered as they should`);
    },
  };
}

/** What a client is to see of each mischief. */
const verdicts: ReadonlyArray<readonly [Mischief, (outcome: CallOutcome, id: string) => boolean]> = [
  ['hang', ({ status, isWhole }) => status === 504 && isWhole],
  ['end-early', ({ status, isWhole }) => status === 502 && isWhole],
  ['reset-early', ({ status, isWhole }) => status === 502 && isWhole],
  ['half-closed', ({ status, isWhole, body }, id) => status === 200 && !isWhole && id.startsWith(body)],
  [
    'reset-in-event',
    ({ status, isWhole, body }, id) =>
      status === 200 && !isWhole && `${eventOf(id)}${eventOf(id)}data: ${id}`.startsWith(body),
  ],
  ['byte-wise', ({ status, isWhole, body }, id) => status === 200 && isWhole && body === answerOf(id)],
];

async function mistreat({ world, port, scale, people }: Trouble, round: string): Promise<void> {
  for (const [mischief, isRight] of verdicts) {
    const id = (number: number): string => `${number}-${round}-${mischief}-${port}`;
    const outcomes: CallOutcome[] = [];
    const wrong: string[] = [];
    await callInTurn(
      {
        port,
        connections: Math.min(atOnce, scale.repeats),
        request: (number) => makeCall(people.at(number), id(number), `/mcp/${mischief}`),
        onOutcome(outcome, number) {
          outcomes.push(outcome);
          if (!isRight(outcome, id(number))) wrong.push(`${outcome.status} ${outcome.body.slice(0, 40)}`);
        },
      },
      (made) => made < scale.repeats,
    );
    const durations = outcomes.map(({ startedAt, endedAt }) => endedAt - startedAt);
    world.note({
      [`${mischief} p50 ms`]: quantile(durations, 0.5),
      [`${mischief} worst ms`]: quantile(durations, 1),
    });
    world.expect(wrong.length === 0, `${mischief}: ${wrong.length} answers are wrong, such as ${wrong[0]}`);
  }
}

/** Bodies of 100 MB, to clients that read. */
async function download({ world, port, scale, people }: Trouble): Promise<void> {
  const began = performance.now();
  const wholes = await Promise.all(
    Array.from({ length: scale.downloads }, async (_, number) => {
      const id = `big-${number}-${port}`;
      const pattern = Buffer.alloc(512 * 1024, markOf(id));
      let [at, isRight] = [0, true];
      const connection = new MountConnection(port);
      const outcome = await connection.call(makeCall(people.at(number), id, '/mcp/big'), {
        onBody(bytes) {
          const from = at % 16;
          isRight &&= bytes.equals(pattern.subarray(from, from + bytes.length));
          at += bytes.length;
        },
      });
      connection.destroy();
      return outcome.isWhole && isRight && at === bigBytes;
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  world.note({ 'big: MB a second': (scale.downloads * bigBytes) / 1e6 / seconds });
  world.expect(wholes.every(Boolean), 'a big body came damaged');
}

/** Clients that do not read, and an upstream that does not: what is under way waits where it comes from. */
async function stall({ world, upstream, port, scale, people }: Trouble): Promise<void> {
  const [replica] = world.cluster.replicas;
  const before = replica.residentMegabytes();
  const takenBefore = upstream.bigBytes;
  const readers = Array.from({ length: scale.stalled }, (_, number) => {
    const connection = new MountConnection(port);
    const request = makeCall(people.at(number), `stalled-${number}-${port}`, '/mcp/big');
    void connection.call(request, { onHead: () => connection.socket.pause() });
    return connection;
  });
  const taken = await settled(() => upstream.bigBytes);
  const afterDownloads = replica.residentMegabytes();
  const body = Buffer.alloc(uploadBytes, 'x');
  const writers = Array.from({ length: scale.stalled }, (_, number) => {
    const connection = new MountConnection(port);
    const head = `${makeHead('POST', people.at(number), '/mcp/deaf')}Content-Length: ${uploadBytes}\r\n\r\n`;
    void connection.call(head);
    connection.socket.write(body);
    return connection;
  });
  await eventually(() => {
    if (upstream.unread < scale.stalled) throw new Error('not all have come');
  }).catch(() => undefined);
  const written = (): number =>
    writers.reduce((sum, { socket }) => sum + socket.bytesWritten - socket.writableLength, 0);
  await settled(written);
  const afterUploads = replica.residentMegabytes();
  for (const each of [...readers, ...writers]) each.destroy();
  upstream.hearAgain();
  world.note({
    'stalled downloads of 100 MB': scale.stalled,
    'stalled downloads: memory grown MB': afterDownloads - before,
    'stalled uploads: memory grown MB': afterUploads - afterDownloads,
    'stalled downloads: taken from the upstream MB': (taken - takenBefore) / 1e6,
  });
  world.expect(afterUploads - before < boundedMegabytes, 'what nobody reads is kept in memory');
  await expectNothingOpen({ world, upstream }, 'of clients that left a body');
}

async function settled(read: () => number): Promise<number> {
  for (let last = -1; ;) {
    const now = read();
    if (now === last) return now;
    last = now;
    await sleep(300);
  }
}

async function leaveEndless({ world, upstream, port, scale, people }: Trouble): Promise<void> {
  const outcomes = await Promise.all(
    Array.from({ length: scale.endless }, async (_, number) => {
      const id = `endless-${number}-${port}`;
      const connection = new MountConnection(port);
      const beginning = Promise.withResolvers<void>();
      const ending = connection.call(makeCall(people.at(number), id, '/mcp/endless'), {
        onBody: () => beginning.resolve(),
      });
      await Promise.race([beginning.promise, ending]);
      await sleep(500 + world.random.below(500));
      connection.destroy();
      const { body } = await ending;
      return body.length > 0 && eventOf(id).repeat(200).startsWith(body.slice(0, 1_000));
    }),
  );
  world.expect(outcomes.every(Boolean), 'an endless stream did not come, or was of somebody else');
  await expectNothingOpen({ world, upstream }, 'of clients that left an endless stream');
}

/** But for the neighbours, of whom at most a few are under way. */
async function expectNothingOpen(
  { world, upstream }: Pick<Trouble, 'world' | 'upstream'>,
  whose: string,
): Promise<void> {
  const isFree = await eventually(() => {
    if (upstream.open > 4) throw new Error(`${upstream.open} are open`);
    return true;
  }).catch(() => false);
  world.expect(isFree, `the upstream still holds ${upstream.open} calls ${whose}`);
}

async function goDown({ world, upstream, port, scale, people }: Trouble): Promise<void> {
  const count = Math.min(scale.repeats, 200);
  const ask = (name: string): Promise<readonly CallOutcome[]> => {
    const request = (number: number): string => makeCall(people.at(number), `${name}-${number}-${port}`);
    return callInTurn({ port, connections: atOnce, request }, (made) => made < count);
  };
  await upstream.die();
  const down = await ask('down');
  await upstream.revive();
  const up = await ask('up');
  const durations = down.map(({ startedAt, endedAt }) => endedAt - startedAt);
  world.note({ 'down p50 ms': quantile(durations, 0.5), 'down worst ms': quantile(durations, 1) });
  const refused = down.filter(
    ({ status, head }) => status === 502 && /content-type: application\/json/i.test(head),
  );
  world.expect(refused.length === down.length, 'an upstream that is down was not answered with 502 in JSON');
  world.expect(
    up.every(({ status }) => status === 200),
    'an upstream that is up again is not used',
  );
}
