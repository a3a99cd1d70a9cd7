/**
 * Real MCP clients, in the versions that their registries have, against the gatehouse as an operator starts it: each
 * signs in through a browser without a window and calls a tool of an MCP server that knows nothing of OAuth. What they
 * do on the way is compared with the run that is kept in test/clients/results, from which docs/clients tells it.
 *
 * `npm run test:clients`; with `-- --record`, the run is kept; with `-- --only WORD`, only clients named so are run.
 * Where a program is missing that is not from npm, its clients are left out, in one line; in CI they fail.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { type ClientCase, clientCases, prepareClient, type StartClient } from '../test/clients/cases.ts';
import { runClient, type RunDeps } from '../test/clients/client-run.ts';
import { startDocumentHost } from '../test/clients/house.ts';
import { openPersonsBrowser } from '../test/clients/person.ts';
import type { PinnedClient } from '../test/clients/pinned-versions.ts';
import {
  compareWithRecord,
  readNewestRecord,
  type RecordedRun,
  writeRecord,
} from '../test/clients/record.ts';
import { ToolMissing } from '../test/clients/toolchains.ts';
import { chromiumPath } from '../test/support/chromium.ts';

type Outcome =
  | { readonly outcome: 'ran'; readonly which: ClientCase; readonly run: RecordedRun }
  | { readonly outcome: 'failed'; readonly which: ClientCase; readonly complaint: string }
  | { readonly outcome: 'left out'; readonly which: ClientCase; readonly missing: string };

type Judge = (outcome: Outcome) => Outcome;

const inCi = process.env['CI'] === 'true';

/** As many as the smallest machine has processors. */
const atOnce = 2;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { counts: { type: 'string' }, only: { type: 'string' }, record: { type: 'boolean' } },
  });
  const cases = clientCases.filter(({ id }) => id.includes(values.only ?? ''));
  const judge: Judge = values.record === true ? (outcome) => outcome : compareWithKept;
  const outcomes = chromiumPath === undefined ? leaveOut(cases, 'Chromium') : await runAll(cases, judge);
  const judged = inCi ? outcomes.map(withoutExcuses) : outcomes;
  report(judged);
  const failed = judged.filter(({ outcome }) => outcome === 'failed').length;
  const passed = judged.filter(({ outcome }) => outcome === 'ran').length;
  console.log(`real clients: ${passed} of ${judged.length} signed in, called and refreshed`);
  if (values.counts !== undefined) writeFileSync(values.counts, JSON.stringify({ passed, failed }));
  process.exitCode = failed === 0 ? 0 : 1;
  if (values.record === true) keep(judged);
}

async function runAll(cases: readonly ClientCase[], judge: Judge): Promise<readonly Outcome[]> {
  const programs = await prepareAll(cases);
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-clients-'));
  const documents = await startDocumentHost(folder);
  const browser = await openPersonsBrowser();
  const deps = { documents, browser, folder, inTurn: takeTurns(atOnce) };
  try {
    return await Promise.all(
      cases.map((which) =>
        tryTwice(which, async () => judge(await runOne(which, programs.get(which.pinned), deps))),
      ),
    );
  } finally {
    await browser.close();
    await documents.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** These are programs of others on a machine that does other things, too: in CI one failure is told, and tried again. */
async function tryTwice({ id }: ClientCase, run: () => Promise<Outcome>): Promise<Outcome> {
  const first = await run();
  if (!inCi || first.outcome !== 'failed') return first;
  console.log(`second try: ${id}: ${first.complaint}`);
  return run();
}

/** Each client's program, or why there is none. */
async function prepareAll(
  cases: readonly ClientCase[],
): Promise<ReadonlyMap<PinnedClient, StartClient | Error>> {
  const wanted = [...new Set(cases.map(({ pinned }) => pinned))];
  const programs = new Map<PinnedClient, StartClient | Error>();
  for (const pinned of wanted) {
    const first = await tryToPrepare(pinned);
    const isFinal = !(first instanceof Error) || first instanceof ToolMissing;
    // A registry that did not answer may do so now.
    programs.set(pinned, isFinal ? first : await tryToPrepare(pinned));
  }
  return programs;
}

function tryToPrepare(pinned: PinnedClient): Promise<StartClient | Error> {
  return prepareClient(pinned).catch((error: unknown) =>
    error instanceof Error ? error : new Error(String(error)),
  );
}

async function runOne(
  which: ClientCase,
  program: StartClient | Error | undefined,
  deps: RunDeps,
): Promise<Outcome> {
  if (program instanceof ToolMissing) return { outcome: 'left out', which, missing: program.message };
  if (program === undefined || program instanceof Error)
    return { outcome: 'failed', which, complaint: program?.message ?? 'there is no program' };
  try {
    return { outcome: 'ran', which, run: await runClient(which, program, deps) };
  } catch (error) {
    return { outcome: 'failed', which, complaint: error instanceof Error ? error.message : String(error) };
  }
}

function leaveOut(cases: readonly ClientCase[], missing: string): readonly Outcome[] {
  return cases.map((which) => ({ outcome: 'left out', which, missing }));
}

/** In CI what did not run has not passed. */
function withoutExcuses(outcome: Outcome): Outcome {
  if (outcome.outcome !== 'left out') return outcome;
  return { outcome: 'failed', which: outcome.which, complaint: `${outcome.missing} is missing` };
}

/** A client that does otherwise than the documents tell has changed, or the gatehouse has. */
function compareWithKept(outcome: Outcome): Outcome {
  if (outcome.outcome !== 'ran') return outcome;
  const differences = compareWithRecord(readNewestRecord(), outcome.run);
  if (differences.length === 0) return outcome;
  const advice = 'if that is right: npm run test:clients -- --record, then npm run docs';
  return { outcome: 'failed', which: outcome.which, complaint: [...differences, advice].join('; ') };
}

function keep(outcomes: readonly Outcome[]): void {
  const runs = outcomes.flatMap((outcome) => (outcome.outcome === 'ran' ? [outcome.run] : []));
  if (runs.length === clientCases.length) writeRecord({ date: new Date().toISOString().slice(0, 10), runs });
  else console.log('not kept: only a run of all clients, all good, is');
}

function report(outcomes: readonly Outcome[]): void {
  const width = Math.max(...outcomes.map(({ which }) => which.id.length));
  for (const outcome of outcomes) {
    const name = outcome.which.id.padEnd(width);
    if (outcome.outcome === 'ran') {
      const { version, signInSeconds, facts } = outcome.run;
      console.log(`ok     ${name} ${version}, ${facts.revision}, signed in within ${signInSeconds} s`);
    } else if (outcome.outcome === 'failed') console.log(`FAILED ${name} ${outcome.complaint}`);
  }
  const missing = new Set(
    outcomes.flatMap((outcome) => (outcome.outcome === 'left out' ? [outcome.missing] : [])),
  );
  for (const what of missing) console.log(`left out: the clients that need ${what}, which is missing here`);
}

/** Runs what it is given, so many at a time, in the order in which it came. */
function takeTurns(limit: number): RunDeps['inTurn'] {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

// Each program that is started is ended with this one.
process.setMaxListeners(100);
await main();
