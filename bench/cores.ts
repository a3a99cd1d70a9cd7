/** Who runs on which core: what is measured has one for itself, and everything that only serves to measure another. */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';

const taskset = '/usr/bin/taskset';

/** Undefined where there is only one core, or no taskset: then everybody runs where the system puts them. */
const canPin = cpus().length > 1 && existsSync(taskset);
export const measuredCore = canPin ? '0' : undefined;
export const loadCore = canPin ? '1' : undefined;
export const bothCores = canPin ? '0,1' : undefined;

export type Command = readonly [program: string, ...words: string[]];

/** A command that stays on the given cores. taskset becomes what it runs: the process is the same. */
export function onCores(cores: string | undefined, command: Command): Command {
  return cores === undefined ? command : [taskset, '-c', cores, ...command];
}
