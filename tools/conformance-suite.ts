/**
 * The official MCP conformance suite as it is installed in tools/conformance: how it is started, and how what it
 * writes is read.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const folder = join(import.meta.dirname, 'conformance');
const suite = join(folder, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
const client = join(import.meta.dirname, '../test/support/everything-client.ts');
const limitMinutes = 5;

/** The program of mcp-remote, which is installed beside the suite. */
export const bridge = join(folder, 'node_modules/mcp-remote/dist/proxy.js');

/** What one scenario found: `check: STATUS`, sorted. */
export type Findings = ReadonlyMap<string, readonly string[]>;

export interface SuiteRun {
  readonly passed: boolean;
  readonly total: string;
  readonly findings: Findings;
}

export async function installSuite(): Promise<void> {
  if (existsSync(suite) && existsSync(bridge)) return;
  const exitCode = await run('npm', ['ci', '--prefix', folder, '--ignore-scripts'], () => {});
  if (exitCode !== 0) throw new Error('the suite could not be installed');
}

/** The suite has a list of what they require of a server; of the others it has the scenarios that apply to them. */
const revisionsWithList = new Set(['2025-11-25', '2026-07-28']);

/** Everything that a revision requires of a server. */
export async function runServerScenarios(revision: string, url: string, output: string): Promise<SuiteRun> {
  let total = 'the suite told no total';
  const scenarios = revisionsWithList.has(revision)
    ? ['--requirements', revision]
    : ['--suite', 'all', '--spec-version', revision];
  const words = ['server', '--url', url, ...scenarios, '-o', output];
  const exitCode = await runSuite(words, (line) => {
    if (line.startsWith('Total:')) total = line.slice('Total: '.length);
  });
  const findings = readFindings(output);
  return { passed: exitCode === 0 && findings.size > 0, total, findings };
}

/** One scenario in which the suite is the server; `flag` is for the client. */
export async function runClientScenario(
  revision: string,
  scenario: string,
  output: string,
  flag: string,
): Promise<SuiteRun> {
  const command = `${process.execPath} ${client}${flag}`;
  const words = [
    'client',
    '--command',
    command,
    '--scenario',
    scenario,
    '--spec-version',
    revision,
    '-o',
    output,
  ];
  const exitCode = await runSuite(words, () => {});
  const findings = readFindings(output);
  return { passed: exitCode === 0 && findings.size > 0, total: '', findings };
}

/** Returns the exit code; what the suite says on standard error is shown only when that is not 0. */
export async function runSuite(words: readonly string[], onLine: (line: string) => void): Promise<number> {
  return run(process.execPath, [suite, ...words], onLine);
}

/** The suite writes one folder for each scenario: `server-NAME-TIMESTAMP/checks.json`. */
export function readFindings(output: string): Findings {
  if (!existsSync(output)) return new Map();
  return new Map(
    readdirSync(output).map((name) => {
      const scenario = name.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
      const checks = JSON.parse(readFileSync(join(output, name, 'checks.json'), 'utf8')) as Check[];
      // What the suite only notes (each request, each event) depends on timing; what it judges does not.
      const judged = checks.filter(({ status }) => status !== 'INFO');
      return [scenario, judged.map(({ id, name: check, status }) => `${id}/${check}: ${status}`).sort()];
    }),
  );
}

interface Check {
  readonly id: string;
  readonly name: string;
  readonly status: string;
}

async function run(
  command: string,
  words: readonly string[],
  onLine: (line: string) => void,
): Promise<number> {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMinutes * 60_000);
  const complaints: string[] = [];
  createInterface({ input: child.stdout }).on('line', onLine);
  createInterface({ input: child.stderr }).on('line', (line) => complaints.push(line));
  const exitCode = await new Promise<number>((resolve) => {
    child.on('error', () => resolve(1));
    child.on('close', (code) => resolve(code ?? 1));
  });
  clearTimeout(limit);
  if (exitCode !== 0)
    console.log([`${words.join(' ')} ended with ${exitCode}`, ...complaints.slice(-40)].join('\n'));
  return exitCode;
}
