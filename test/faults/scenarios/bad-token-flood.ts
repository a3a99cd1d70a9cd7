/** R20: a flood of bad tokens over a thousand connections, and people whose tokens are good. */
import { callInTurn, startSteadyLoad } from '../support/call-load.ts';
import { quantile } from '../support/figures.ts';
import type { GatehouseProcess } from '../support/gatehouse-process.ts';
import { onBothLanes } from '../support/lanes.ts';
import { type ListeningUpstream, startListeningUpstream } from '../support/listening-upstream.ts';
import type { CallOutcome } from '../support/mount-connection.ts';
import { makeCall } from '../support/mount-requests.ts';
import { addressOf } from '../support/fault-client.ts';
import { makeBadTokens, People } from '../support/people.ts';
import type { Scenario, World } from '../support/scenario.ts';

const scales = { short: { tokens: 20_000 }, full: { tokens: 1_000_000 } } as const;
const connections = 1_000;
const goodPerSecond = 50;
/** Whoever has one of these was given it, and may know what is wrong with it. */
const sealedHere: ReadonlySet<string> = new Set(['of another resource', 'expired']);
/** What a flood may leave behind: caches and garbage, not tokens. */
const boundedMegabytes = 48;

export const badTokenFlood: Scenario = async (run) => {
  const upstream = await startListeningUpstream();
  // As an operator has it, but for the limit of an address, which would refuse most before they are looked at.
  const env = { UPSTREAM_MCP_URL: upstream.url, RATE_LIMIT_ENABLED: 'false', LOG_LEVEL: 'info' };
  try {
    return await onBothLanes({ name: 'R20', run, env }, (world) =>
      pourOut(world, upstream, scales[run.scale].tokens),
    );
  } finally {
    await upstream.close();
  }
};

async function pourOut(world: World, upstream: ListeningUpstream, count: number): Promise<void> {
  const { cluster } = world;
  const [replica] = cluster.replicas;
  const kinds = [...makeBadTokens()];
  const request = (number: number): string => {
    const [, make] = kinds[number % kinds.length] ?? ['', String];
    return makeCall({ token: make(number), address: addressOf(number) }, `bad-${number}`);
  };
  const answers = new Map<string, Set<string>>(kinds.map(([kind]) => [kind, new Set()]));
  const onOutcome = (outcome: CallOutcome, number: number): void => {
    answers.get(kinds[number % kinds.length]?.[0] ?? '')?.add(withoutItsOwn(outcome));
  };
  const pour = (much: number): Promise<unknown> =>
    callInTurn({ port: replica.port, connections, request, onOutcome }, (made) => made < much);

  await pour(Math.min(count / 4, 20_000));
  const [asked, called] = [cluster.provider.requests.length, upstream.requests];
  const good = startGoodTraffic(replica);
  const before = replica.residentMegabytes();
  const [cpu, lines, began] = [replica.cpuMilliseconds(), linesOf(replica), performance.now()];
  await pour(count / 2);
  const halfway = replica.residentMegabytes();
  await pour(count / 2);
  const seconds = (performance.now() - began) / 1000;
  const cpuSeconds = (replica.cpuMilliseconds() - cpu) / 1000;
  const after = replica.residentMegabytes();
  const served = await good.stop();
  const different = new Set([...answers.values()].flatMap((each) => [...each]));
  world.note({
    'bad tokens': count,
    'refused a second': count / seconds,
    'refused in a CPU second, good calls included': count / cpuSeconds,
    'first half: memory grown MB': halfway - before,
    'second half: memory grown MB': after - halfway,
    'lines logged a second': (linesOf(replica) - lines) / seconds,
    'different answers': different.size,
    'good calls': served.length,
    'good call p50 ms': quantile(
      served.map(({ startedAt, endedAt }) => endedAt - startedAt),
      0.5,
    ),
    'good call p99 ms': quantile(
      served.map(({ startedAt, endedAt }) => endedAt - startedAt),
      0.99,
    ),
    'calls of the upstream besides those': upstream.requests - called - served.length,
    'requests to the identity provider': cluster.provider.requests.length - asked,
  });
  world.expect(upstream.requests - called === served.length, 'a call with a bad token reached the upstream');
  world.expect(cluster.provider.requests.length === asked, 'the identity provider was asked');
  for (const [kind, seen] of answers) {
    world.expect(seen.size === 1, `a token ${kind} was answered in ${seen.size} ways`);
    const isToldApart = !sealedHere.has(kind) && [...seen].some((each) => !answers.get('altered')?.has(each));
    world.expect(!isToldApart, `a token ${kind} is told apart from others that were not sealed here`);
  }
  world.expect(
    [...different].every((each) => each.startsWith('401 ')),
    'a bad token was not answered with 401',
  );
  world.expect(
    served.every(({ status }) => status === 200),
    'a call with a good token failed',
  );
  // The first half makes the heap as large as it wants to be.
  const grown = after - halfway;
  world.expect(grown < boundedMegabytes, `memory grew by ${Math.round(grown)} MB in the second half`);
}

function startGoodTraffic(replica: GatehouseProcess): { stop(): Promise<readonly CallOutcome[]> } {
  const people = new People(64);
  const load = startSteadyLoad({
    port: replica.port,
    connections: 128,
    perSecond: goodPerSecond,
    request: (number) => makeCall(people.at(number), `good-${replica.port}-${number}`),
  });
  return {
    async stop() {
      await load.stop();
      return load.outcomes;
    },
  };
}

/** An answer without what is another in every one. */
function withoutItsOwn({ status, head, body }: CallOutcome): string {
  return `${status} ${head.replace(/^(?:date|x-request-id): .*\n/gim, '')}${body}`;
}

function linesOf(replica: GatehouseProcess): number {
  return [...replica.warnings.values()].reduce((sum, count) => sum + count, 0);
}
