/**
 * Runs the official MCP conformance suite against an MCP server twice, directly and through the gatehouse, and
 * compares every check of every scenario: whatever differs, the gatehouse changed. The same for the scenarios in which
 * the suite is the server and watches a client. Then runs the suite's authorization server scenarios against the
 * gatehouse itself, with a browser without a window, and signs in with mcp-remote.
 *
 * `npm run conformance`. The suite is pinned in tools/conformance with a lockfile of its own.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startConformanceHouse, type ConformanceHouse } from '../test/support/conformance-house.ts';
import { startEverythingServer } from '../test/support/everything-server/everything-server.ts';
import { freePort } from '../test/support/free-port.ts';
import { startMcpRemote } from '../test/support/mcp-remote.ts';
import { startProtectedServer } from '../test/support/protected-server.ts';
import {
  bridge,
  installSuite,
  readFindings,
  runClientScenario,
  runServerScenarios,
  runSuite,
  type Findings,
} from './conformance-suite.ts';

const revisions = ['2025-06-18', '2025-11-25', '2026-07-28'] as const;
/** The client scenarios that are not about being an OAuth client, with the revision each is run at. */
const clientScenarios = [
  ['2025-06-18', 'initialize'],
  ['2025-06-18', 'tools_call'],
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

/** Scenarios that fail with the everything server itself, by revision, and why. */
const expectedFailures = JSON.parse(
  readFileSync(join(import.meta.dirname, 'conformance/expected-failures.json'), 'utf8'),
) as Partial<Record<string, Record<string, string>>>;

interface Row {
  readonly run: string;
  readonly scenario: string;
  readonly passed: boolean;
  readonly remark: string;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { counts: { type: 'string' } } });
  await installSuite();
  const results = mkdtempSync(join(tmpdir(), 'gatehouse-conformance-'));
  const house = await startConformanceHouse();
  try {
    const rows = [];
    for (const revision of revisions) rows.push(...(await compare(revision, house, results)));
    rows.push(...(await clients(results)));
    rows.push(...(await authorization(house, results)));
    rows.push(...(await mcpRemote(results)));
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
    compareWithExpected(revision, through.findings),
    { run: revision, scenario: 'all scored, directly', passed: direct.passed, remark: direct.total },
    {
      run: revision,
      scenario: 'all scored, through the gatehouse',
      passed: through.passed,
      remark: through.total,
    },
  ];
}

/** What fails is named in expected-failures.json, with its reason; what is named there and passes has to go from it. */
function compareWithExpected(revision: string, findings: Findings): Row {
  const failing = [...findings].filter(([, found]) => found.some((finding) => finding.endsWith(': FAILURE')));
  const names = failing.map(([scenario]) => scenario);
  const expected = Object.keys(expectedFailures[revision] ?? {});
  const surprises = [
    ...names.filter((name) => !expected.includes(name)).map((name) => `${name} fails`),
    ...expected.filter((name) => !names.includes(name)).map((name) => `${name} does not fail any more`),
  ];
  const passed = surprises.length === 0;
  const remark = passed ? `${expected.length}, each with its reason` : surprises.join(', ');
  return { run: revision, scenario: 'expected failures', passed, remark };
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

async function authorization(house: ConformanceHouse, results: string): Promise<Row[]> {
  const port = await freePort();
  const redirectUri = `http://127.0.0.1:${port}/callback`;
  const clientId = await house.registerClient(redirectUri);
  const output = join(results, 'authorization');
  const target = ['--url', house.publicUrl, '--resource', house.mcpUrl, '--client-id', clientId];
  let journey: Promise<void> = Promise.resolve();
  const words = ['authorization', ...target, '--port', String(port), '-o', output];
  const exitCode = await runSuite(words, (line) => {
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

/** The bridge that desktop clients without OAuth of their own use: signs in once, and not again at its next start. */
async function mcpRemote(results: string): Promise<Row[]> {
  const upstream = await startEverythingServer();
  const gatehouse = await startProtectedServer(new URL(upstream.url));
  const use = async (expectedSignIns: number): Promise<string> => {
    const { mcpUrl, browser } = gatehouse;
    const remote = startMcpRemote({
      program: bridge,
      mcpUrl,
      configFolder: join(results, 'mcp-remote'),
      browser,
    });
    try {
      const clientInfo = { name: 'desktop', version: '1.0.0' };
      await remote.call('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo });
      remote.notify('notifications/initialized');
      const answer = await remote.call('tools/call', {
        name: 'test_repeat',
        arguments: { text: 'over here' },
      });
      const repeated = JSON.stringify(answer).includes('over here');
      return repeated && remote.signIns() === expectedSignIns ? '' : `signed in ${remote.signIns()} times`;
    } catch (error) {
      return String(error);
    } finally {
      await remote.close();
    }
  };
  try {
    return [
      row('mcp-remote', 'signs in and calls a tool', await use(1)),
      row('mcp-remote', 'calls a tool after a restart, without the person', await use(0)),
    ];
  } finally {
    await gatehouse.close();
    await upstream.close();
  }
}

function row(run: string, scenario: string, complaint: string): Row {
  return { run, scenario, passed: complaint === '', remark: complaint };
}

async function visit(house: ConformanceHouse, url: string, redirectUri: string): Promise<void> {
  try {
    await fetch(await house.browser.signIn(url, redirectUri));
  } catch (error) {
    console.log(`the browser got lost: ${String(error)}`);
  }
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
