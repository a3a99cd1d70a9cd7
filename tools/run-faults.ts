/**
 * Runs the fault scenarios with full counts against the compiled package, prints a table and keeps the figures as
 * `bench/results/faults-<date>.json`. Names given as arguments run alone and are not kept: `npm run faults -- R1 R13`.
 * `--short` takes the counts of the tests. `FAULT_SEED` repeats a run. Ends with 1 when a promise was broken.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2);
const scale = words.includes('--short') ? 'short' : 'full';
const chosen = words.filter((word) => !word.startsWith('--'));

build();
// After the build, and read when a process is started: the scenarios run what is published.
process.env['FAULT_BUILD'] = '.cache';
const { scenarios } = await import('../test/faults/scenarios/scenarios.ts');
const { chooseSeed } = await import('../test/faults/support/seeded-random.ts');

const unknown = chosen.filter((name) => !scenarios.has(name));
if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}`);

const kept: Record<string, unknown> = {
  date: new Date().toISOString(),
  machine: { cpu: cpus()[0]?.model, cpus: cpus().length, node: process.version, load: loadavg() },
};
let broken = 0;
for (const [name, scenario] of scenarios) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const seed = chooseSeed();
  console.log(`\n${name}  (FAULT_SEED=${seed})`);
  const began = performance.now();
  const { figures, problems } = await scenario({ scale, seed });
  const seconds = Math.round((performance.now() - began) / 1000);
  for (const [figure, value] of Object.entries(figures)) console.log(`  ${figure.padEnd(44)} ${value}`);
  for (const problem of problems) console.log(`  BROKEN: ${problem}`);
  console.log(`  ${problems.length === 0 ? 'held' : 'broken'}, ${seconds} s`);
  kept[name] = { seed, seconds, figures, problems };
  broken += problems.length;
}
if (chosen.length === 0 && scale === 'full') keep(`${JSON.stringify(kept, null, 2)}\n`);
process.exitCode = broken === 0 ? 0 : 1;

function build(): void {
  const argv = ['tsc', '-p', 'tsconfig.build.json', '--outDir', '.cache'];
  const { status } = spawnSync('npx', argv, { cwd: root, stdio: ['ignore', 'inherit', 'ignore'] });
  if (status !== 0) throw new Error('the build failed');
}

function keep(text: string): void {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `faults-${new Date().toISOString().slice(0, 10)}.json`), text);
}
