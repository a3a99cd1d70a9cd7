/** Where the time of a loaded gatehouse goes: functions by the time spent in themselves. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { compiledFolder } from '../served-process.ts';
import { runCalls } from './load.ts';
import type { Options } from './options.ts';
import { startMeasuredGatehouse, type Surroundings } from './subjects.ts';

const shown = 40;

/** A V8 profile, as far as it is read here. */
interface Profile {
  readonly nodes: ReadonlyArray<{
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }>;
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

/** Profiles the fast lane, under events when only these are asked for. Returns a table, and where the profile is. */
export async function profileGatehouse(options: Options, surroundings: Surroundings): Promise<string> {
  const folder = join(compiledFolder, 'profiles', new Date().toISOString().replaceAll(':', '-'));
  mkdirSync(folder, { recursive: true });
  const nodeOptions = ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${folder}`];
  const subject = await startMeasuredGatehouse('fast', surroundings, {}, { nodeOptions });
  const path = options.parts.has('calls') ? '/mcp' : '/mcp/sse';
  const { port, tokens } = subject;
  const result = await runCalls({
    port,
    tokens,
    path,
    connections: 64,
    seconds: options.seconds * options.rounds,
  });
  await subject.stop();
  const tables = readdirSync(folder).map((name) => {
    const file = join(folder, name);
    return `${file}\n${tabulate(JSON.parse(readFileSync(file, 'utf8')) as Profile)}`;
  });
  return [`${result.calls} calls of ${path}, ${result.failed} failed`, ...tables].join('\n\n');
}

/** Shares are of the time in which something ran; the start is in it. */
function tabulate({ nodes, samples, timeDeltas }: Profile): string {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const selfTime = new Map<string, number>();
  samples.forEach((id, index) => {
    const name = names.get(id) ?? '?';
    selfTime.set(name, (selfTime.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  });
  selfTime.delete('(idle)');
  const total = [...selfTime.values()].reduce((sum, each) => sum + each, 0);
  return [...selfTime]
    .toSorted(([, left], [, right]) => right - left)
    .slice(0, shown)
    .map(([name, time]) => `${((100 * time) / total).toFixed(1).padStart(5)} %  ${name}`)
    .join('\n');
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  const place = url.replace(/^.*\/(?:\.cache|node_modules)\//, '');
  return place === '' ? name : `${name}  ${place}:${lineNumber + 1}`;
}
