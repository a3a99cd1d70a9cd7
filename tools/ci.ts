/**
 * Runs every check in order, goes on after a failure, and counts: a test runner's tests one by one, everything else
 * as one. The last line is `N passed, N failed`. A skipped test counts as failed: a check that did not run has not
 * passed, and nobody reads a list of skipped tests.
 *
 * `npm run ci`, or `.ci/run` on a bare machine.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { countTests, listSecondTries } from './vitest-report.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

interface StepResult {
  readonly counts: Counts;
  readonly remarks: readonly string[];
}

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** Where the command writes what it counted, and how to read it. Otherwise the exit code counts as one. */
  readonly counts?: (text: string) => Counts;
  /** What else that file tells whoever reads the end of the run. */
  readonly remarks?: (text: string) => readonly string[];
}

/** `{counts}` stands for the file that the command writes its counts to, `{tests}` for that of the step `tests`. */
const steps: readonly Step[] = [
  { name: 'formatting', command: ['npm', 'run', 'format:check'] },
  { name: 'types', command: ['npm', 'run', 'types'] },
  { name: 'lint', command: ['npm', 'run', 'lint'] },
  { name: 'import floors', command: ['npm', 'run', 'check:imports'] },
  { name: 'unused code', command: ['npm', 'run', 'check:unused'] },
  {
    name: 'tests',
    command: ['npm', 'test', '--', '--reporter=default', '--reporter=json', '--outputFile.json={counts}'],
    counts: countTests,
    remarks: listSecondTries,
  },
  {
    name: 'requirements',
    command: ['node', 'tools/check-requirements.ts', '--report={tests}', '--counts={counts}'],
    counts: countChecks,
  },
  { name: 'package contents', command: ['npm', 'run', 'check:package'] },
  {
    name: 'package as installed',
    command: ['npm', 'run', 'check:tarball', '--', '--counts={counts}'],
    counts: countChecks,
  },
  { name: 'demo', command: ['npm', 'run', 'demo', '--', '--self-test'] },
  {
    name: 'conformance',
    command: ['npm', 'run', 'conformance', '--', '--counts={counts}'],
    counts: countChecks,
  },
  {
    name: 'identity providers of others',
    command: [
      'npm',
      'run',
      'test:providers',
      '--',
      '--reporter=default',
      '--reporter=json',
      '--outputFile.json={counts}',
    ],
    counts: countTests,
    remarks: listSecondTries,
  },
  {
    name: 'real clients',
    command: ['npm', 'run', 'test:clients', '--', '--counts={counts}'],
    counts: countChecks,
  },
  // Last: it leaves the machine's ports to rest.
  { name: 'two lanes compared', command: ['npm', 'run', 'fuzz:lanes', '--', '--minutes', '2'] },
];

const stepLimitMinutes = 30;
/** For what was written before the end and is still on its way. */
const outputLimitMs = 5_000;

/** Reads `{ "passed": n, "failed": n }`. */
export function countChecks(text: string): Counts {
  const report: unknown = JSON.parse(text);
  return { passed: numberIn(report, 'passed'), failed: numberIn(report, 'failed') };
}

/** The counts of one step: never a success when the command failed, never an empty success. */
export function settle(exitCode: number, counted: Counts | undefined): Counts {
  if (counted === undefined) return exitCode === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  const nothing = counted.passed + counted.failed === 0;
  const unexplained = (exitCode !== 0 && counted.failed === 0) || nothing;
  return { passed: counted.passed, failed: counted.failed + (unexplained ? 1 : 0) };
}

function numberIn(report: unknown, name: string): number {
  const value = isRecord(report) ? report[name] : undefined;
  if (typeof value !== 'number') throw new TypeError(`the report has no number ${name}`);
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

async function runStep(step: Step, folder: string): Promise<StepResult> {
  const countsFile = join(folder, `${step.name}.json`);
  const files = { counts: countsFile, tests: join(folder, 'tests.json') };
  const [command = '', ...rest] = step.command.map((word) =>
    word.replace('{counts}', files.counts).replace('{tests}', files.tests),
  );
  const exitCode = await run(command, rest);
  const counts = settle(exitCode, step.counts && readCounts(step.counts, countsFile));
  return { counts, remarks: (step.remarks && readRemarks(step.remarks, countsFile)) ?? [] };
}

/** A file that cannot be read has been told of by \`readCounts\`. */
function readRemarks(parse: (text: string) => readonly string[], file: string): readonly string[] {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}

function readCounts(parse: (text: string) => Counts, file: string): Counts {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    console.log(`    no counts: ${error instanceof Error ? error.message : String(error)}`);
    return { passed: 0, failed: 1 };
  }
}

/**
 * Runs a command in its own process group, so that a step that hangs is ended with everything it started, and one that
 * does not leaves nothing behind. Whoever holds its output beyond that, in a group of its own, is not waited for.
 */
export async function run(command: string, words: readonly string[]): Promise<number> {
  const child = spawn(command, words, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const limit = setTimeout(() => {
    console.log(`    ended after ${stepLimitMinutes} minutes`);
    endGroup(child.pid);
  }, stepLimitMinutes * 60_000);
  for (const input of [child.stdout, child.stderr])
    createInterface({ input }).on('line', (line) => console.log(`    ${line}`));
  let giveUp: NodeJS.Timeout | undefined;
  const exitCode = await new Promise<number>((resolve) => {
    child.on('error', () => resolve(1));
    child.on('exit', (code) => {
      endGroup(child.pid);
      giveUp = setTimeout(() => resolve(code ?? 1), outputLimitMs);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
  clearTimeout(limit);
  clearTimeout(giveUp);
  child.stdout.destroy();
  child.stderr.destroy();
  return exitCode;
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-ci-'));
  const results: (StepResult & { name: string; seconds: number })[] = [];
  for (const step of steps) {
    console.log(`== ${step.name}`);
    const start = Date.now();
    const result = await runStep(step, folder);
    results.push({ name: step.name, ...result, seconds: Math.round((Date.now() - start) / 1000) });
  }
  rmSync(folder, { recursive: true, force: true });
  for (const { name, counts, seconds } of results)
    console.log(
      `${counts.failed === 0 ? 'ok    ' : 'FAILED'}  ${name}: ${counts.passed} of ${counts.passed + counts.failed}, ${seconds} s`,
    );
  for (const remark of results.flatMap(({ remarks }) => remarks)) console.log(remark);
  const sum = (key: keyof Counts): number => results.reduce((total, { counts }) => total + counts[key], 0);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  process.exitCode = sum('failed') === 0 ? 0 : 1;
}

if (import.meta.main) await main();
