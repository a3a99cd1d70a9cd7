/** R20: a flood of bad tokens over a thousand connections, and people whose tokens are good. */
import { setTimeout as sleep } from 'node:timers/promises';

import { callInTurn, type LoadTarget, startSteadyLoad } from '../support/call-load.ts';
import { quantile } from '../support/figures.ts';
import type { GatehouseProcess } from '../support/gatehouse-process.ts';
import { onBothLanes } from '../support/lanes.ts';
import { type ListeningUpstream, startListeningUpstream } from '../support/listening-upstream.ts';
import type { CallOutcome } from '../support/mount-connection.ts';
import { makeCall } from '../support/mount-requests.ts';
import { addressOf } from '../support/fault-client.ts';
import { makeBadTokens, People } from '../support/people.ts';
import type { Scenario, World } from '../support/scenario.ts';

const scales = {
  short: { tokens: 20_000, perSecond: 500, milliseconds: 1_000 },
  full: { tokens: 1_000_000, perSecond: 5_000, milliseconds: 15_000 },
} as const;
type FloodScale = (typeof scales)['short' | 'full'];
const connections = 1_000;
const goodPerSecond = 50;
/** Whoever has one of these was given it, and may know what is wrong with it. */
const sealedHere: ReadonlySet<string> = new Set(['of another resource', 'expired']);
/** What a flood may leave behind: caches and garbage, not tokens. */
const boundedMegabytes = 64;

export const badTokenFlood: Scenario = async (run) => {
  const upstream = await startListeningUpstream();
  // As an operator has it, but for the limit of an address, which would refuse most before they are looked at.
  const env = { UPSTREAM_MCP_URL: upstream.url, RATE_LIMIT_ENABLED: 'false', LOG_LEVEL: 'info' };
  try {
    return await onBothLanes({ name: 'R20', run, env }, (world) =>
      pourOut(world, upstream, scales[run.scale]),
    );
  } finally {
    await upstream.close();
  }
};

async function pourOut(world: World, upstream: ListeningUpstream, scale: FloodScale): Promise<void> {
  const { cluster } = world;
  const [replica] = cluster.replicas;
  const seen = createSeen();
  const target = { port: replica.port, connections, request: seen.request, onOutcome: seen.note };
  const pour = (much: number): Promise<unknown> => callInTurn(target, (made) => made < much);
  await pour(scale.tokens / 20);
  const [asked, called] = [cluster.provider.requests.length, upstream.requests];
  const before = replica.residentMegabytes();
  const [cpu, lines, began] = [replica.cpuMilliseconds(), linesOf(replica), performance.now()];
  await pour(scale.tokens / 2);
  const halfway = replica.residentMegabytes();
  await pour(scale.tokens / 2);
  const seconds = (performance.now() - began) / 1000;
  const after = replica.residentMegabytes();
  world.note({
    'bad tokens': scale.tokens,
    'refused a second': scale.tokens / seconds,
    'refused in a CPU second': (scale.tokens * 1000) / (replica.cpuMilliseconds() - cpu),
    'first half: memory grown MB': halfway - before,
    'second half: memory grown MB': after - halfway,
    'lines logged a second': (linesOf(replica) - lines) / seconds,
    'without an answer': seen.unanswered,
    'calls of the upstream': upstream.requests - called,
    'requests to the identity provider': cluster.provider.requests.length - asked,
  });
  world.expect(upstream.requests === called, 'a call with a bad token reached the upstream');
  world.expect(cluster.provider.requests.length === asked, 'the identity provider was asked');
  // The first half makes the heap as large as it wants to be.
  const grown = after - halfway;
  world.expect(grown < boundedMegabytes, `memory grew by ${Math.round(grown)} MB in the second half`);
  await serveMeanwhile(world, target, scale);
  seen.judge(world);
}

/** As many bad tokens as can be borne, and people whose tokens are good beside them. */
async function serveMeanwhile(world: World, target: LoadTarget, scale: FloodScale): Promise<void> {
  const people = new People(64);
  const bad = startSteadyLoad({ ...target, perSecond: scale.perSecond });
  const good = startSteadyLoad({
    port: target.port,
    connections: 128,
    perSecond: goodPerSecond,
    request: (number) => makeCall(people.at(number), `good-${target.port}-${number}`),
  });
  await sleep(scale.milliseconds);
  await good.stop();
  await bad.stop();
  const durations = good.outcomes.map(({ startedAt, endedAt }) => endedAt - startedAt);
  world.note({
    'good calls beside a steady flood': durations.length,
    'good call p50 ms': quantile(durations, 0.5),
    'good call p99 ms': quantile(durations, 0.99),
  });
  world.expect(
    good.outcomes.every(({ status }) => status === 200),
    'a call with a good token failed',
  );
}

interface Seen {
  readonly unanswered: number;
  request(number: number): string;
  note(outcome: CallOutcome, number: number): void;
  judge(world: World): void;
}

/** Every kind of bad token in turn, and what it was answered with. */
function createSeen(): Seen {
  const kinds = [...makeBadTokens()].map(([kind, make]) => ({ kind, make, answers: new Set<string>() }));
  let unanswered = 0;
  const kindAt = (number: number): (typeof kinds)[number] => {
    const found = kinds[number % kinds.length];
    if (found === undefined) throw new Error('there are no bad tokens');
    return found;
  };
  return {
    get unanswered() {
      return unanswered;
    },
    request: (number) =>
      makeCall({ token: kindAt(number).make(number), address: addressOf(number) }, `bad-${number}`),
    note(outcome, number) {
      // Whoever waits too long to be let in gives up: that tells nothing.
      if (outcome.status === 0) unanswered += 1;
      else kindAt(number).answers.add(withoutItsOwn(outcome));
    },
    judge(world) {
      const stranger = [...(kinds[0]?.answers ?? [])];
      for (const { kind, answers } of kinds) {
        world.expect(answers.size === 1, `a token ${kind} was answered in ${answers.size} ways`);
        const is401 = [...answers].every((each) => each.startsWith('401 '));
        world.expect(is401, `a token ${kind} was not answered with 401`);
        const isToldApart = !sealedHere.has(kind) && !stranger.every((each) => answers.has(each));
        world.expect(!isToldApart, `a token ${kind} is told apart from others that were not sealed here`);
      }
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
