import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ClientFacts } from './facts.ts';

/** What one run of all clients showed, on one day. The files are kept; the newest is what the documents tell. */
export interface ClientsRecord {
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly runs: readonly RecordedRun[];
}

export interface RecordedRun {
  readonly id: string;
  readonly client: string;
  readonly package: string;
  readonly version: string;
  readonly era: 'legacy' | 'modern';
  readonly facts: ClientFacts;
  /** From the first byte to the tool's answer, the person's time in the browser included. */
  readonly signInSeconds: number;
}

const folder = join(import.meta.dirname, 'results');

export function writeRecord(record: ClientsRecord): void {
  writeFileSync(join(folder, `${record.date}.json`), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** @throws Error when there is none */
export function readNewestRecord(): ClientsRecord {
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .at(-1);
  if (newest === undefined) throw new Error('no run of the clients is kept');
  return JSON.parse(readFileSync(join(folder, newest), 'utf8')) as ClientsRecord;
}

/** What a run showed otherwise than the one that is kept, in words; empty: nothing. */
export function compareWithRecord(record: ClientsRecord, run: RecordedRun): readonly string[] {
  const kept = record.runs.find(({ id }) => id === run.id);
  if (kept === undefined) return ['is not in the record'];
  const [before, now] = [tellable(kept), tellable(run)];
  return Object.keys(now)
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]))
    .map((name) => `${name} was ${JSON.stringify(before[name])}, is ${JSON.stringify(now[name])}`);
}

function tellable({ version, facts }: RecordedRun): Record<string, unknown> {
  return { version, ...facts };
}
