/**
 * What the gatehouse costs on top of the calls it passes on, beside proxies that ask nobody who calls. Prints a table,
 * or with --json the figures; the README beside the other benchmarks says what they are and how to read them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';

import { version } from '../../src/gateway/version.ts';
import { build } from '../build.ts';
import { isShort } from '../effort.ts';
import { measureBadTokens } from './bad-tokens.ts';
import { chooseCallParts, measureCalls } from './calls.ts';
import { fieldNames, type PartFigures } from './figures.ts';
import { startUpstream } from './load.ts';
import { type Options, parseOptions, type PartName } from './options.ts';
import { profileGatehouse } from './profile.ts';
import { buildLoadProgram, hasProgram, installPrograms, readVersions } from './programs.ts';
import { measureStreams } from './streams.ts';
import { hasSetting, startSubject, type SubjectName, type Surroundings } from './subjects.ts';
import { formatTable, type Report } from './table.ts';
import { measureWorkers } from './workers.ts';

const options = parseOptions(process.argv.slice(2));
const leftOut = [...installPrograms()];
buildLoadProgram();
if (!isShort) build();

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-proxy-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const upstream = await startUpstream();
const surroundings: Surroundings = { folder, upstreamPort: upstream.port };
try {
  if (options.profile) process.stdout.write(`${await profileGatehouse(options, surroundings)}\n`);
  else await measure();
} finally {
  await upstream.stop();
}

async function measure(): Promise<void> {
  const parts = await measureParts(options);
  const report = makeReport(parts);
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : formatTable(report));
}

async function measureParts({ parts, rounds }: Options): Promise<ReadonlyMap<PartName, PartFigures>> {
  const names: SubjectName[] = ['haproxy', 'nginx', 'fast', 'standard'];
  const present = names.filter(hasProgram);
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
    machine: { cpu: cpus()[0]?.model, cpus: cpus().length, kernel: release(), load: loadavg() },
    versions: { gatehouse: version, node: process.versions.node, ...readVersions() },
    settings: { rounds: options.rounds, seconds: options.seconds },
    left_out: leftOut,
    failed: [...parts.values()].reduce((sum, { failed }) => sum + failed, 0),
    ...Object.fromEntries(fieldNames.map((name) => [name, fields[name]?.median ?? null])),
    spreads: fields,
    measured: Object.fromEntries([...parts].map(([name, { measured }]) => [name, measured])),
  };
}

function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
