/**
 * Runs the fault scenarios with full counts against the compiled package, prints a table and keeps the figures as
 * `bench/results/faults-<date>.json`. Names given as arguments run alone and replace their own figures of that day:
 * `npm run faults -- R1 R13`. `--short` takes the counts of the tests and keeps nothing. `FAULT_SEED` repeats a run. Ends
 * with 1 when a promise was broken.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2);
const scale = words.includes('--short') ? 'short' : 'full';
const chosen = words.filter((word) => !word.startsWith('--'));

// What was started ends with this process, which a signal alone would not see to.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
build();
// After the build, and read when a process is started: the scenarios run what is published.
process.env['FAULT_BUILD'] = '.cache';
const { scenarios } = await import('../test/faults/scenarios/scenarios.ts');
const { chooseSeed } = await import('../test/faults/support/seeded-random.ts');

const unknown = chosen.filter((name) => !scenarios.has(name));
if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}`);

const file = join(root, 'bench', 'results', `faults-${new Date().toISOString().slice(0, 10)}.json`);
let broken = 0;
for (const [name, scenario] of scenarios) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const seed = chooseSeed();
  console.log(`\n${name}  (FAULT_SEED=${seed})`);
  const began = performance.now();
  const { figures, problems } = await scenario({ scale, seed }).catch((error: unknown) => ({
    figures: {},
    problems: [`did not come to its end: ${error instanceof Error ? error.message : String(error)}`],
  }));
  const seconds = Math.round((performance.now() - began) / 1000);
  for (const [figure, value] of Object.entries(figures)) console.log(`  ${figure.padEnd(44)} ${value}`);
  for (const problem of problems) console.log(`  BROKEN: ${problem}`);
  console.log(`  ${problems.length === 0 ? 'held' : 'broken'}, ${seconds} s`);
  if (scale === 'full') keep(name, { seed, seconds, figures, problems });
  broken += problems.length;
}
process.exitCode = broken === 0 ? 0 : 1;

function build(): void {
  const argv = ['tsc', '-p', 'tsconfig.build.json', '--outDir', '.cache'];
  const { status } = spawnSync('npx', argv, { cwd: root, stdio: ['ignore', 'inherit', 'ignore'] });
  if (status !== 0) throw new Error('the build failed');
}

/** Puts the figures of one scenario where those of the others of this day are. */
function keep(name: string, result: object): void {
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : {};
  const machine = { cpu: cpus()[0]?.model, cpus: cpus().length, node: process.version };
  const run = { date: new Date().toISOString(), load: loadavg(), ...result };
  const all: Record<string, unknown> = { ...before, [name]: run };
  const inOrder = [...scenarios.keys()].filter((each) => each in all).map((each) => [each, all[each]]);
  mkdirSync(dirname(file), { recursive: true });
  const text = JSON.stringify({ machine, ...(Object.fromEntries(inOrder) as object) }, null, 2);
  writeFileSync(file, `${text}\n`);
}
