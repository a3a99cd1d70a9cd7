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
import { measureBadTokens } from './bad-tokens.ts';
import { chooseCallParts, measureCalls } from './calls.ts';
import { fieldNames, type PartFigures } from './figures.ts';
import { startUpstream } from './load.ts';
import { type Options, parseOptions, partNames, type PartName } from './options.ts';
import { profileGatehouse } from './profile.ts';
import { buildLoadProgram, hasProgram, installPrograms, readVersions } from './programs.ts';
import { measureStreams } from './streams.ts';
import { hasSetting, startSubject, subjectNames, type Surroundings } from './subjects.ts';
import { formatTable, type Report } from './table.ts';
import { measureWorkers } from './workers.ts';

const options = parseOptions(process.argv.slice(2));
const leftOut: string[] = [];
/** Who else is on the machine. */
const loadBefore = loadavg();
if (options.table === undefined) await run();
else process.stdout.write(formatTable(JSON.parse(readFileSync(options.table, 'utf8')) as Report));

async function run(): Promise<void> {
  leftOut.push(...installPrograms());
  buildLoadProgram();
  if (!isShort) build();
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-proxy-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const upstream = await startUpstream();
  const surroundings: Surroundings = { folder, upstreamPort: upstream.port };
  try {
    if (options.profile) process.stdout.write(`${await profileGatehouse(options, surroundings)}\n`);
    else report(await measureParts(options, surroundings));
  } finally {
    await upstream.stop();
  }
}

function report(parts: ReadonlyMap<PartName, PartFigures>): void {
  const found = makeReport(parts);
  const json = `${JSON.stringify(found, null, 2)}\n`;
  process.stdout.write(options.json ? json : formatTable(found));
  if (options.parts.size === partNames.length && !isShort) keep(found.date, json);
}

/** Whole runs are kept, by their day. */
function keep(date: string, json: string): void {
  const results = join(import.meta.dirname, '..', 'results');
  writeFileSync(join(results, `proxy-${date.slice(0, 10)}.json`), json);
}

async function measureParts(
  { parts, rounds }: Options,
  surroundings: Surroundings,
): Promise<ReadonlyMap<PartName, PartFigures>> {
  const present = subjectNames.filter(hasProgram);
  const figures = new Map<PartName, PartFigures>();
  if (!hasSetting('FAST_LANE'))
    leftOut.push('the fast lane: this gatehouse has none, both lanes are the same');
  if (chooseCallParts(parts).length > 0) {
    const subjects = await Promise.all(present.map((name) => startSubject(name, surroundings)));
    try {
      for (const [part, found] of await measureCalls(subjects, options, progress)) figures.set(part, found);
    } finally {
      for (const subject of subjects) await subject.stop();
    }
  }
  if (parts.has('streams')) {
    const streamRounds = Math.min(rounds, 3);
    figures.set('streams', await measureStreams(present, streamRounds, surroundings, progress));
  }
  if (parts.has('bad-tokens')) {
    progress('bad tokens');
    figures.set('bad-tokens', await measureBadTokens(surroundings));
  }
  if (parts.has('workers')) {
    if (hasSetting('WORKERS')) figures.set('workers', await measureWorkers(options, surroundings));
    else leftOut.push('scale_2: this gatehouse has no WORKERS');
  }
  return figures;
}

function makeReport(parts: ReadonlyMap<PartName, PartFigures>): Report {
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
