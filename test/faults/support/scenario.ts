import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';
import { createFaultClient, type FaultClient } from './fault-client.ts';
import type { Figures } from './figures.ts';
import { checkHistory } from './history.ts';
import { checkManners } from './manners.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { createSeededRandom, type SeededRandom } from './seeded-random.ts';

/** `short` is for every change, seconds each; `full` for the published figures. */
export type Scale = 'short' | 'full';

export interface ScenarioRun {
  readonly scale: Scale;
  readonly seed: number;
}

export interface ScenarioReport {
  readonly seed: number;
  readonly figures: Figures;
  /** Promises that were broken, in words; empty when all held. */
  readonly problems: readonly string[];
}

/** A fault, what is done to clients meanwhile, and what must hold. */
export type Scenario = (run: ScenarioRun) => Promise<ScenarioReport>;

/** What a scenario works with. */
export interface World {
  readonly random: SeededRandom;
  readonly recorder: Recorder;
  readonly cluster: Cluster;
  readonly client: FaultClient;
  /** Adds to the figures. */
  note(figures: Figures): void;
  /** A promise was broken unless `holds`. */
  expect(holds: boolean, problem: string): void;
  /** Called at the end, last first. */
  onEnd(close: () => Promise<void> | void): void;
}

export interface WorldOptions extends ClusterOptions {
  readonly name: string;
  readonly run: ScenarioRun;
  /** How long an access token may pass after its grant has ended. Default: 5 s. */
  readonly callMilliseconds?: number;
}

const failures = join(import.meta.dirname, '..', '..', '..', '.cache', 'faults');

/** Starts a cluster, lets `body` do its worst, and judges what the clients saw. */
export async function inWorld(
  options: WorldOptions,
  body: (world: World) => Promise<void>,
): Promise<ScenarioReport> {
  const { name, run } = options;
  const recorder = createRecorder();
  const cluster = await startCluster(options);
  const client = createFaultClient({ provider: cluster.provider, recorder });
  const figures: Record<string, number> = {};
  const problems: string[] = [];
  const closers: Array<() => Promise<void> | void> = [() => cluster.close(), () => client.close()];
  try {
    await body({
      random: createSeededRandom(run.seed),
      recorder,
      cluster,
      client,
      note: (more) => Object.assign(figures, more),
      expect: (holds, problem) => {
        if (!holds) problems.push(problem);
      },
      onEnd: (close) => closers.push(close),
    });
  } finally {
    for (const close of closers.toReversed()) await close();
  }
  problems.push(...judge(recorder, options.callMilliseconds ?? 5_000));
  if (problems.length > 0) keepHistory(`${name}-${run.seed}.json`, recorder, problems);
  return { seed: run.seed, figures: round(figures), problems };
}

function judge(recorder: Recorder, callMilliseconds: number): readonly string[] {
  const violations = checkHistory(recorder.history(), { callMilliseconds });
  const rules = Map.groupBy(violations, ({ rule }) => rule);
  const rudeness = Map.groupBy(checkManners(recorder.answers), ({ what, answer }) =>
    [answer.operation, what].join(': '),
  );
  return [
    ...[...rules].map(([rule, found]) => `${rule}, ${found.length} times`),
    ...[...rudeness].map(([what, found]) => `clients got ${what}, ${found.length} times`),
  ];
}

/** A history that broke a promise is worth keeping: it becomes a case of history.test.ts. */
function keepHistory(file: string, recorder: Recorder, problems: readonly string[]): void {
  mkdirSync(failures, { recursive: true });
  const history = recorder.history();
  const violations = checkHistory(history, { callMilliseconds: 5_000 });
  const text = JSON.stringify({ problems, violations, ...history }, null, 1);
  writeFileSync(join(failures, file), text);
  console.warn(`faults: the history is in ${join(failures, file)}`);
}

function round(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      name,
      Number(value.toFixed(Math.abs(value) < 10 ? 1 : 0)),
    ]),
  );
}
