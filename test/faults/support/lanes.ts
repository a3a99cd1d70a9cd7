import type { Figures } from './figures.ts';
import { inWorld, type ScenarioReport, type World, type WorldOptions } from './scenario.ts';

/** Which part of the gatehouse reads the calls: its own, or Node's HTTP server. */
export type Lane = 'fast' | 'standard';

export interface LaneOptions extends Omit<WorldOptions, 'store' | 'replicas'> {
  /** Default: 1. */
  readonly replicas?: number;
}

/** Runs `body` in a world for each lane; figures and problems say which one they are of. */
export async function onBothLanes(
  options: LaneOptions,
  body: (world: World, lane: Lane) => Promise<void>,
): Promise<ScenarioReport> {
  const fast = await onLane('fast', options, body);
  const standard = await onLane('standard', options, body);
  return {
    seed: options.run.seed,
    figures: { ...fast.figures, ...standard.figures },
    problems: [...fast.problems, ...standard.problems],
  };
}

/** Gatehouses that remember nothing over a restart: what is proxied needs no store. */
async function onLane(
  lane: Lane,
  options: LaneOptions,
  body: (world: World, lane: Lane) => Promise<void>,
): Promise<ScenarioReport> {
  const world: WorldOptions = {
    ...options,
    replicas: options.replicas ?? 1,
    store: () => ({ STORE_PATH: ':memory:' }),
    env: { ...options.env, FAST_LANE: lane === 'fast' ? 'on' : 'off' },
  };
  const { figures, problems, seed } = await inWorld(world, (made) => body(made, lane));
  return { seed, figures: named(lane, figures), problems: problems.map((each) => `${lane} lane: ${each}`) };
}

function named(lane: Lane, figures: Figures): Figures {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${lane}: ${name}`, value]));
}
