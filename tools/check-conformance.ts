/**
 * Runs the official MCP conformance suite against an MCP server twice, directly and through the gatehouse, and
 * compares every check of every scenario: whatever differs, the gatehouse changed. The same for the scenarios in which
 * the suite is the server and watches a client. Then runs the suite's authorization server scenarios against the
 * gatehouse itself, with a browser without a window.
 *
 * `npm run conformance`. The suite is pinned in tools/conformance with a lockfile of its own.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { startConformanceHouse, type ConformanceHouse } from '../test/support/conformance-house.ts';
import { freePort } from '../test/support/free-port.ts';

const folder = join(import.meta.dirname, 'conformance');
const suite = join(folder, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
const client = join(import.meta.dirname, '../test/support/everything-client.ts');
const revisions = ['2025-11-25', '2026-07-28'] as const;
/** The client scenarios that are not about being an OAuth client, with the revision each is run at. */
const clientScenarios = [
  ['2025-11-25', 'initialize'],
  ['2025-11-25', 'tools_call'],
  ['2025-11-25', 'elicitation-sep1034-client-defaults'],
  ['2025-11-25', 'sse-retry'],
  ['2026-07-28', 'tools_call'],
  ['2026-07-28', 'request-metadata'],
  ['2026-07-28', 'sep-2322-client-request-state'],
  ['2026-07-28', 'http-standard-headers'],
  ['2026-07-28', 'http-custom-headers'],
  ['2026-07-28', 'http-invalid-tool-headers'],
  ['2026-07-28', 'json-schema-ref-no-deref'],
  ['2026-07-28', 'json-schema-2020-12-preservation'],
] as const;
const runLimitMinutes = 5;

/** What one scenario found: `check: STATUS`, sorted. */
type Findings = ReadonlyMap<string, readonly string[]>;

interface Row {
  readonly run: string;
  readonly scenario: string;
  readonly passed: boolean;
  readonly remark: string;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { counts: { type: 'string' } } });
  if (!existsSync(suite)) await run('npm', ['ci', '--prefix', folder, '--ignore-scripts'], () => {});
  const results = mkdtempSync(join(tmpdir(), 'gatehouse-conformance-'));
  const house = await startConformanceHouse();
  try {
    const rows = [];
    for (const revision of revisions) rows.push(...(await compare(revision, house, results)));
    rows.push(...(await clients(results)));
    rows.push(...(await authorization(house, results)));
    const failed = report(rows);
    if (values.counts !== undefined)
      writeFileSync(values.counts, JSON.stringify({ passed: rows.length - failed, failed }));
    process.exitCode = failed === 0 ? 0 : 1;
  } finally {
    await house.close();
    rmSync(results, { recursive: true, force: true });
  }
}

async function compare(revision: string, house: ConformanceHouse, results: string): Promise<Row[]> {
  const direct = await runServerScenarios(revision, house.upstreamUrl, join(results, `${revision}-direct`));
  const through = await runServerScenarios(revision, house.mcpUrl, join(results, `${revision}-through`));
  const scenarios = [...new Set([...direct.findings.keys(), ...through.findings.keys()])].sort();
  const rows = scenarios.map((scenario) =>
    compareScenario(revision, scenario, direct.findings, through.findings),
  );
  return [
    ...rows,
    { run: revision, scenario: 'all scored, directly', passed: direct.passed, remark: direct.total },
    {
      run: revision,
      scenario: 'all scored, through the gatehouse',
      passed: through.passed,
      remark: through.total,
    },
  ];
}

function compareScenario(run: string, scenario: string, direct: Findings, through: Findings): Row {
  const expected = direct.get(scenario) ?? [];
  const found = through.get(scenario) ?? [];
  const missing = expected.filter((finding) => !found.includes(finding));
  const added = found.filter((finding) => !expected.includes(finding));
  const same = expected.length === found.length && missing.length === 0 && added.length === 0;
  const difference = [
    ...missing.map((finding) => `-${finding}`),
    ...added.map((finding) => `+${finding}`),
  ].join(' ');
  return { run, scenario, passed: same, remark: same ? `${found.length} checks alike` : difference };
}

interface SuiteRun {
  readonly passed: boolean;
  readonly total: string;
  readonly findings: Findings;
}

async function runServerScenarios(revision: string, url: string, output: string): Promise<SuiteRun> {
  let total = 'the suite told no total';
  const words = ['server', '--url', url, '--requirements', revision, '-o', output];
  const exitCode = await run(process.execPath, [suite, ...words], (line) => {
    if (line.startsWith('Total:')) total = line.slice('Total: '.length);
  });
  const findings = readFindings(output);
  return { passed: exitCode === 0 && findings.size > 0, total, findings };
}

/** The other direction: the suite is the server, and watches what a client sends through the gatehouse. */
async function clients(results: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [revision, scenario] of clientScenarios) {
    const run = `client ${revision}`;
    const direct = await runClientScenario(
      revision,
      scenario,
      join(results, `${run}-${scenario}-direct`),
      '',
    );
    const through = await runClientScenario(
      revision,
      scenario,
      join(results, `${run}-${scenario}`),
      ' --through-gatehouse',
    );
    const row = compareScenario(run, scenario, direct.findings, through.findings);
    rows.push(
      direct.passed && through.passed ? row : { ...row, passed: false, remark: `failed; ${row.remark}` },
    );
  }
  return rows;
}

async function runClientScenario(
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
  const exitCode = await run(process.execPath, [suite, ...words], () => {});
  const findings = readFindings(output);
  return { passed: exitCode === 0 && findings.size > 0, total: '', findings };
}

/** The suite writes one folder for each scenario: `server-NAME-TIMESTAMP/checks.json`. */
function readFindings(output: string): Findings {
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

async function authorization(house: ConformanceHouse, results: string): Promise<Row[]> {
  const port = await freePort();
  const redirectUri = `http://127.0.0.1:${port}/callback`;
  const clientId = await house.registerClient(redirectUri);
  const output = join(results, 'authorization');
  const target = ['--url', house.publicUrl, '--resource', house.mcpUrl, '--client-id', clientId];
  let journey: Promise<void> = Promise.resolve();
  const words = ['authorization', ...target, '--port', String(port), '-o', output];
  const exitCode = await run(process.execPath, [suite, ...words], (line) => {
    if (!/^https?:\/\/\S+code_challenge_method=S256/.test(line)) return;
    journey = visit(house, line.trim(), redirectUri);
  });
  await journey;
  const scenarios = [...readFindings(output)].map(([scenario, findings]) => ({
    run: 'authorization',
    scenario: scenario.replace(/^authorization-server-/, ''),
    passed: findings.length > 0 && findings.every((finding) => !/: (FAILURE|SKIPPED)$/.test(finding)),
    remark: findings.join(' '),
  }));
  return [
    ...scenarios,
    {
      run: 'authorization',
      scenario: 'all',
      passed: exitCode === 0 && scenarios.length === 2,
      remark: `exit ${exitCode}`,
    },
  ];
}

async function visit(house: ConformanceHouse, url: string, redirectUri: string): Promise<void> {
  try {
    await fetch(await house.browser.signIn(url, redirectUri));
  } catch (error) {
    console.log(`the browser got lost: ${String(error)}`);
  }
}

/** Runs a command; what it says on standard error is shown only when it fails. */
async function run(
  command: string,
  words: readonly string[],
  onLine: (line: string) => void,
): Promise<number> {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const limit = setTimeout(() => child.kill('SIGKILL'), runLimitMinutes * 60_000);
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

function report(rows: readonly Row[]): number {
  const width = Math.max(...rows.map(({ scenario }) => scenario.length));
  for (const { run, scenario, passed, remark } of rows)
    console.log(`${passed ? 'ok    ' : 'FAILED'} ${run.padEnd(17)} ${scenario.padEnd(width)} ${remark}`);
  const failed = rows.filter(({ passed }) => !passed).length;
  console.log(`conformance: ${rows.length - failed} of ${rows.length} as they should be`);
  return failed;
}

await main();
