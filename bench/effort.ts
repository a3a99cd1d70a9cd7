/** `BENCH_SHORT=1`, or --quick: every bench does a handful of things, from source. It tells that it runs, and no figures. */
export const isShort = process.env['BENCH_SHORT'] === '1' || process.argv.includes('--quick');

/** How often to do something: `full` for figures, `short` to see that it works. */
export function times(full: number, short: number): number {
  return isShort ? short : full;
}
