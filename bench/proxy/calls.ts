/** Calls: what each proxy pays for one, and how long it takes. The proxies take turns in every round. */
import { times } from '../effort.ts';
import { spread, type Spread } from '../measure.ts';
import { withPriority } from '../priority.ts';
import { compare, difference, type Fields, type PartFigures, presentFields, ratio } from './figures.ts';
import { type CallPlan, type CallResult, runCalls } from './load.ts';
import type { Options, PartName } from './options.ts';
import type { Subject, SubjectName } from './subjects.ts';

type CallPart = Extract<PartName, 'calls' | 'events' | 'latency' | 'first-byte'>;

const atOnce = 64;

const plans: Readonly<Record<CallPart, Pick<CallPlan, 'connections' | 'path' | 'rate' | 'urgent'>>> = {
  calls: { connections: atOnce },
  events: { connections: atOnce, path: '/mcp/sse' },
  latency: { connections: 32, rate: times(2_000, 200), urgent: true },
  'first-byte': { connections: 32, rate: times(200, 50), path: '/mcp/sse', urgent: true },
};

export interface Slice extends CallResult {
  /** Microseconds of CPU for each call. */
  readonly cpu: number;
}

type Slices = ReadonlyMap<SubjectName, readonly Slice[]>;

/** Those of the parts that are measured here. */
export function chooseCallParts(parts: ReadonlySet<PartName>): readonly CallPart[] {
  return (Object.keys(plans) as CallPart[]).filter((part) => parts.has(part));
}

export async function measureCalls(
  subjects: readonly Subject[],
  { parts, rounds, seconds }: Options,
  upstreamPid: number,
  progress: (text: string) => void,
): Promise<ReadonlyMap<CallPart, PartFigures>> {
  const chosen = chooseCallParts(parts);
  const taken = new Map(
    chosen.map((part) => [part, new Map(subjects.map(({ name }) => [name, [] as Slice[]]))]),
  );
  for (const subject of subjects) await warmUp(subject, seconds);
  for (let round = 0; round < rounds; round += 1) {
    progress(`calls, round ${round + 1} of ${rounds}`);
    for (const part of chosen) {
      for (const subject of inTurn(subjects, round)) {
        const plan = { ...plans[part], seconds };
        const measure = (): Promise<Slice> => measureSlice(subject, plan);
        const slice =
          plan.urgent === true ? await withPriority([subject.pid, upstreamPid], measure) : await measure();
        taken.get(part)?.get(subject.name)?.push(slice);
      }
    }
  }
  return new Map([...taken].map(([part, slices]) => [part, summarise(part, slices)]));
}

/** The just-in-time compiler has seen both kinds of answers before anything counts. */
export async function warmUp(subject: Subject, seconds: number): Promise<void> {
  const { port, tokens } = subject;
  await runCalls({ port, tokens, seconds, connections: atOnce });
  await runCalls({ port, tokens, seconds: seconds / 2, connections: atOnce, path: '/mcp/sse' });
}

/** Everybody is first once: whoever is has what the round before left on the machine. */
function inTurn<Item>(items: readonly Item[], round: number): readonly Item[] {
  const first = round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

export async function measureSlice(
  { port, tokens, cpuMilliseconds }: Pick<Subject, 'port' | 'tokens' | 'cpuMilliseconds'>,
  plan: Omit<CallPlan, 'port' | 'tokens'>,
): Promise<Slice> {
  const before = cpuMilliseconds();
  const result = await runCalls({ port, tokens, ...plan });
  const used = cpuMilliseconds() - before;
  return { ...result, cpu: (used * 1000) / (result.calls + result.failed) };
}

function summarise(part: CallPart, slices: Slices): PartFigures {
  const measured = Object.fromEntries([...slices].map(([name, each]) => [name, present(part, each)]));
  const failed = [...slices.values()].flat().reduce((sum, slice) => sum + slice.failed, 0);
  return { fields: judge(part, slices), measured, failed };
}

function judge(part: CallPart, slices: Slices): Fields {
  const of = (name: SubjectName, pick: (slice: Slice) => number): number[] =>
    (slices.get(name) ?? []).map(pick);
  const against = (name: SubjectName, pick: (slice: Slice) => number): Spread | undefined =>
    compare(of(name, pick), of('haproxy', pick), ratio, 2);
  const added = (pick: (slice: Slice) => number): Spread | undefined =>
    compare(of('fast', pick), of('haproxy', pick), difference, 0);
  switch (part) {
    case 'calls':
      return presentFields({
        cpu_ratio_haproxy: against('fast', ({ cpu }) => cpu),
        cpu_ratio_haproxy_standard: against('standard', ({ cpu }) => cpu),
      });
    case 'events':
      return presentFields({
        sse_ratio_haproxy: against('fast', ({ cpu }) => cpu),
        sse_ratio_haproxy_standard: against('standard', ({ cpu }) => cpu),
      });
    case 'latency':
      return presentFields({
        added_p50_us: added(({ p50 }) => p50),
        added_p99_us: added(({ ordinaryP99 }) => ordinaryP99),
        p99_ratio_haproxy: against('fast', ({ ordinaryP99 }) => ordinaryP99),
      });
    case 'first-byte':
      return presentFields({ first_byte_us: spread(of('fast', ({ firstByteP50 }) => firstByteP50)) });
    default:
      return part satisfies never;
  }
}

function present(part: CallPart, slices: readonly Slice[]): Record<string, Spread> {
  const of = (pick: (slice: Slice) => number, digits = 0): Spread => spread(slices.map(pick), digits);
  const cost = {
    cpu_us: of(({ cpu }) => cpu, 1),
    calls_per_second: of((slice) => slice.calls / slice.seconds),
  };
  switch (part) {
    case 'calls':
    case 'events':
      return cost;
    case 'latency':
      return {
        ...cost,
        p50_us: of(({ p50 }) => p50),
        p99_us: of(({ ordinaryP99 }) => ordinaryP99),
        whole_p99_us: of(({ p99 }) => p99),
      };
    case 'first-byte':
      return {
        ...cost,
        first_byte_p50_us: of(({ firstByteP50 }) => firstByteP50),
        first_byte_p99_us: of(({ firstByteP99 }) => firstByteP99),
      };
    default:
      return part satisfies never;
  }
}
