/**
 * What the gatehouse costs on top of the calls it passes on, beside proxies that ask nobody who calls. Prints a table,
 * or with --json the figures; the README beside the other benchmarks says what they are and how to read them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';

import { version } from '../../src/gateway/version.ts';
import { build } from '../build.ts';
import { isShort } from '../effort.ts';
import { fieldNames, type PartFigures } from './figures.ts';
import { startUpstream } from './load.ts';
import { type Findings, measureParts } from './parts.ts';
import { parseOptions, partNames } from './options.ts';
import { profileGatehouse } from './profile.ts';
import { buildLoadProgram, installPrograms, readVersions } from './programs.ts';
import type { Surroundings } from './subjects.ts';
import { formatTable, type Report } from './table.ts';

const options = parseOptions(process.argv.slice(2));
/** What cannot be measured on this machine. */
const missing: string[] = [];
/** Who else is on the machine. */
const loadBefore = loadavg();
if (options.table === undefined) await run();
else process.stdout.write(formatTable(JSON.parse(readFileSync(options.table, 'utf8')) as Report));

async function run(): Promise<void> {
  missing.push(...installPrograms());
  buildLoadProgram();
  if (!isShort) build();
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-proxy-'));
  // What was started ends with this process, which a signal alone would not see to.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const upstream = await startUpstream();
  const surroundings: Surroundings = { folder, upstreamPort: upstream.port, upstreamPid: upstream.pid };
  try {
    if (options.profile) process.stdout.write(`${await profileGatehouse(options, surroundings)}\n`);
    else report(await measureParts(options, surroundings, progress));
  } finally {
    await upstream.stop();
  }
}

function report({ figures, leftOut, complete }: Findings): void {
  const found = makeReport(figures, [...missing, ...leftOut]);
  const json = `${JSON.stringify(found, null, 2)}\n`;
  process.stdout.write(options.json ? json : formatTable(found));
  if (!complete) process.exitCode = 1;
  else if (options.parts.size === partNames.length && !isShort) keep(found.date, json);
}

/** Whole runs are kept, by their day. */
function keep(date: string, json: string): void {
  const results = join(import.meta.dirname, '..', 'results');
  writeFileSync(join(results, `proxy-${date.slice(0, 10)}.json`), json);
}

function makeReport(parts: Findings['figures'], leftOut: readonly string[]): Report {
  const fields = Object.assign(
    {},
    ...[...parts.values()].map((part) => part.fields),
  ) as PartFigures['fields'];
  return {
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model,
      cpus: cpus().length,
      kernel: release(),
      load: { before: loadBefore, after: loadavg() },
    },
    versions: { gatehouse: version, node: process.versions.node, ...readVersions() },
    settings: { rounds: options.rounds, seconds: options.seconds },
    left_out: leftOut,
    failed: [...parts.values()].reduce((sum, { failed }) => sum + failed, 0),
    ...Object.fromEntries(fieldNames.map((name) => [name, fields[name]?.median ?? null])),
    spreads: fields,
    measured: Object.fromEntries([...parts].map(([name, { measured }]) => [name, measured])),
    notes: Object.fromEntries(
      [...parts].flatMap(([name, { notes }]) => (notes === undefined ? [] : [[name, notes]])),
    ),
  };
}

function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
