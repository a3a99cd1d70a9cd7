/** CPU time of this process in seconds, user and system, all threads. */
export function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export interface Rate {
  readonly operations: number;
  readonly perCpuSecond: number;
  readonly perWallSecond: number;
}

export interface RateOptions {
  /** How many operations are under way at any time. Default 1. */
  readonly atOnce?: number;
  /** Whose CPU time counts, in seconds. Default: this process's. */
  readonly cpuSeconds?: () => number;
}

/** Runs `operation` once per item and tells how many a second of CPU time pays for. */
export async function measureRate<Item>(
  items: readonly Item[],
  operation: (item: Item) => Promise<void>,
  options: RateOptions = {},
): Promise<Rate> {
  const { atOnce = 1, cpuSeconds = ownCpuSeconds } = options;
  const cpu = cpuSeconds();
  const wall = performance.now();
  await runAll(items, operation, atOnce);
  const cpuUsed = cpuSeconds() - cpu;
  const wallUsed = (performance.now() - wall) / 1000;
  return {
    operations: items.length,
    perCpuSecond: Math.round(items.length / cpuUsed),
    perWallSecond: Math.round(items.length / wallUsed),
  };
}

/** Runs `operation` once per item, in order, `atOnce` at a time. */
export async function runAll<Item>(
  items: readonly Item[],
  operation: (item: Item) => Promise<void>,
  atOnce: number,
): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await operation(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('the median of nothing');
  return middle;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/** Median, smallest and largest of repeated measurements, rounded to `digits` decimals. */
export function spread(values: readonly number[], digits = 0): Spread {
  const round = (value: number): number => Number(value.toFixed(digits));
  return {
    median: round(median(values)),
    min: round(Math.min(...values)),
    max: round(Math.max(...values)),
    runs: values.length,
  };
}
