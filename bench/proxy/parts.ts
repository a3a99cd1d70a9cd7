import { measureBadTokens } from './bad-tokens.ts';
import { chooseCallParts, measureCalls } from './calls.ts';
import type { PartFigures } from './figures.ts';
import type { Options, PartName } from './options.ts';
import { hasProgram } from './programs.ts';
import { measureStreams } from './streams.ts';
import {
  hasSetting,
  startSubject,
  type Subject,
  type SubjectName,
  subjectNames,
  type Surroundings,
} from './subjects.ts';
import { measureWorkers } from './workers.ts';

export interface Findings {
  readonly figures: ReadonlyMap<PartName, PartFigures>;
  /** What was not measured, and why. */
  readonly leftOut: readonly string[];
  /** False when a part failed. */
  readonly complete: boolean;
}

interface Step {
  readonly name: string;
  /** The variable without which there is nothing to measure. */
  readonly needs?: string;
  readonly measure: () => Promise<Findings['figures']>;
}

type Progress = (text: string) => void;

/** Runs the parts one after the other. What the others have found in minutes is not lost with one that fails. */
export async function measureParts(
  options: Options,
  surroundings: Surroundings,
  progress: Progress,
): Promise<Findings> {
  const figures = new Map<PartName, PartFigures>();
  const leftOut: string[] = [];
  let complete = true;
  if (!hasSetting('FAST_LANE')) leftOut.push('the fast lane: this gatehouse has no FAST_LANE');
  for (const { name, needs, measure } of listSteps(options, surroundings, progress)) {
    if (needs !== undefined && !hasSetting(needs)) {
      leftOut.push(`${name}: this gatehouse has no ${needs}`);
      continue;
    }
    progress(name);
    try {
      for (const [part, found] of await measure()) figures.set(part, found);
    } catch (error) {
      complete = false;
      leftOut.push(`${name}: ${error instanceof Error ? error.message : 'failed'}`);
    }
  }
  return { figures, leftOut, complete };
}

function listSteps(options: Options, surroundings: Surroundings, progress: Progress): readonly Step[] {
  const names = subjectNames.filter(hasProgram);
  const streamRounds = Math.min(options.rounds, 3);
  const single = (name: PartName, measure: () => Promise<PartFigures>, needs?: string): Step[] =>
    options.parts.has(name)
      ? [
          {
            name,
            ...(needs === undefined ? {} : { needs }),
            measure: async () => new Map([[name, await measure()]]),
          },
        ]
      : [];
  return [
    ...(chooseCallParts(options.parts).length === 0
      ? []
      : [{ name: 'calls', measure: () => measureAllCalls(names, options, surroundings, progress) }]),
    ...single('streams', () => measureStreams(names, streamRounds, surroundings, progress)),
    ...single('bad-tokens', () => measureBadTokens(surroundings)),
    ...single('workers', () => measureWorkers(options, surroundings), 'WORKERS'),
  ];
}

async function measureAllCalls(
  names: readonly SubjectName[],
  options: Options,
  surroundings: Surroundings,
  progress: Progress,
): Promise<Findings['figures']> {
  const subjects: Subject[] = [];
  try {
    for (const name of names) subjects.push(await startSubject(name, surroundings));
    return await measureCalls(subjects, options, surroundings.upstreamPid, progress);
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}
