import { parseArgs } from 'node:util';

import { times } from '../effort.ts';

/** The parts of the run, in their order. */
export const partNames = [
  'calls',
  'events',
  'latency',
  'first-byte',
  'streams',
  'bad-tokens',
  'workers',
] as const;

export type PartName = (typeof partNames)[number];

export interface Options {
  readonly json: boolean;
  readonly profile: boolean;
  /** A kept result: its table is printed, and nothing measured. */
  readonly table: string | undefined;
  readonly parts: ReadonlySet<PartName>;
  readonly rounds: number;
  /** Of each slice of load. */
  readonly seconds: number;
}

/** @throws Error that says what is wrong with the words of the command line */
export function parseOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      json: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      table: { type: 'string' },
      // Read by effort.ts, which everything asks.
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string', default: String(times(5, 1)) },
      seconds: { type: 'string', default: String(times(3, 0.3)) },
      only: { type: 'string', default: partNames.join(',') },
    },
  });
  return {
    json: values.json,
    profile: values.profile,
    table: values.table,
    parts: new Set(values.only.split(',').map(parsePartName)),
    rounds: parsePositive('rounds', values.rounds),
    seconds: parsePositive('seconds', values.seconds),
  };
}

function parsePartName(text: string): PartName {
  const name = partNames.find((known) => known === text);
  if (name === undefined) throw new Error(`there is no part ${text}; the parts are ${partNames.join(', ')}`);
  return name;
}

function parsePositive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1000)) throw new Error(`--${name} takes a number up to 1000`);
  return value;
}
