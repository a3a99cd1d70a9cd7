/** `BENCH_SHORT=1`: every bench runs with a handful of operations, from source. It tells that it runs, and no figures. */
export const isShort = process.env['BENCH_SHORT'] === '1';

/** How often to do something: `full` for figures, `short` to see that it works. */
export function times(full: number, short: number): number {
  return isShort ? short : full;
}
