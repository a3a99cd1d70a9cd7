import type { ConfigWarning } from './config.ts';

/** One environment variable and everything that is known about it: the loader and the reference page read this. */
export interface Setting<T> {
  /** What it does, for the reference page. Markdown, one paragraph. */
  readonly description: string;
  /** What may be written, for the reference page. */
  readonly accepts: string;
  /** What to do when a variable that must be set is not. */
  readonly whenMissing?: string;
  /** The default as the reference page shows it. Undefined: there is none. */
  readonly defaultText?: string;
  /** The value is never shown, and may come from the file that `NAME_FILE` names. */
  readonly secret?: boolean;
  /** An explicitly empty value is a value; for every other variable it counts as unset. */
  readonly emptyIsValue?: boolean;
  /** What production mode refuses, for the reference page. */
  readonly production?: string;
  /** What stands between the items of a list. Undefined: it is none. */
  readonly separator?: ',' | ' ';
  /** The value when the variable is unset. Absent: it must be set. */
  readonly unset?: T;
  /** @throws ValueProblem */
  parse(text: string, warn: Warn): T;
  /** What is wrong with a well-formed value in production mode. */
  refuseInProduction?(value: T): ValueProblem | undefined;
  /** What the operator should know about the value. */
  warnAbout?(value: T): ConfigWarning | undefined;
}

/** A setting that need not be set. */
export type OptionalSetting<T> = Setting<T> & { readonly unset: T };

export type Warn = (warning: ConfigWarning) => void;

/** The text of a variable is not acceptable. Carries no value: a secret may stand in the wrong variable. */
export class ValueProblem extends Error {
  /** What is wrong, to be read after the variable's name: `is not an integer`. */
  readonly problem: string;
  /** What to do: `write whole seconds, 0 to 3600`. */
  readonly fix: string;

  constructor(problem: string, fix: string) {
    super(problem);
    this.name = 'ValueProblem';
    this.problem = problem;
    this.fix = fix;
  }
}

export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
  readonly fix: string;
  /** Where it is in the configuration file; both numbers count from 1. */
  readonly place?: { readonly file: string; readonly line: number; readonly column: number } | undefined;
}

/** Everything that is wrong with the configuration, all at once. No value of any variable is in it. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];
  /** What may be behind them: names that were probably meant to be others. */
  readonly warnings: readonly ConfigWarning[];

  constructor(problems: readonly ConfigProblem[], warnings: readonly ConfigWarning[] = []) {
    super(problems.map(describeProblem).join('; '));
    this.name = 'ConfigError';
    this.problems = problems;
    this.warnings = warnings;
  }
}

/** What is wrong, and where: `gatehouse.yaml:12:5: mounts[0].upstream has no path`. */
export function describeProblem({ variable, problem, place }: ConfigProblem): string {
  const where = place === undefined ? '' : `${place.file}:${place.line}:${place.column}: `;
  return `${where}${variable} ${problem}`;
}
