import { describeUnreadable } from '../../platform/files/unreadable-file.ts';
import type { ConfigWarning } from './config.ts';
import { settings, type SettingValues } from './schema.ts';
import { type ConfigProblem, type Setting, ValueProblem } from './setting.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type ReadFile = (path: string) => string;

export interface SettingsReading {
  /** A variable with a problem is missing here. */
  readonly values: Partial<SettingValues>;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigWarning[];
}

/** Reads every variable on its own; nothing stops at the first problem. */
export function readSettings(env: Environment, readFile: ReadFile): SettingsReading {
  const values: Record<string, unknown> = {};
  const problems: ConfigProblem[] = [];
  const warnings: ConfigWarning[] = [];
  for (const [variable, setting] of listSettings()) {
    try {
      const text = findText(variable, setting, env, readFile);
      values[variable] =
        text === undefined ? setting.unset : setting.parse(text, (warning) => warnings.push(warning));
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      problems.push({ variable, problem: error.problem, fix: error.fix });
    }
  }
  return { values, problems, warnings };
}

/** What production mode refuses of the values read, and what deserves a word in any mode. */
export function judgeSettings(values: Partial<SettingValues>): Omit<SettingsReading, 'values'> {
  const problems: ConfigProblem[] = [];
  const warnings: ConfigWarning[] = [];
  const read: Readonly<Record<string, unknown>> = values;
  for (const [variable, setting] of listSettings()) {
    if (!Object.hasOwn(read, variable)) continue;
    const refusal = values.PROD_MODE === true ? setting.refuseInProduction?.(read[variable]) : undefined;
    if (refusal !== undefined) {
      const problem = `${refusal.problem}, which production mode refuses`;
      problems.push({ variable, problem, fix: refusal.fix });
      continue;
    }
    const warning = setting.warnAbout?.(read[variable]);
    if (warning !== undefined) warnings.push(warning);
  }
  return { problems, warnings };
}

function listSettings(): ReadonlyArray<[string, Setting<unknown>]> {
  return Object.entries<Setting<unknown>>(settings);
}

/** The text of a variable from the environment or from its file. Empty counts as unset, but for those that say not. */
function findText(
  variable: string,
  setting: Setting<unknown>,
  env: Environment,
  readFile: ReadFile,
): string | undefined {
  const direct = setting.emptyIsValue === true ? env[variable] : env[variable] || undefined;
  const path = setting.secret === true ? env[`${variable}_FILE`] || undefined : undefined;
  if (direct !== undefined && path !== undefined) {
    throw new ValueProblem(`is set, and so is ${variable}_FILE`, 'unset one of the two');
  }
  const text = path === undefined ? direct : readSecretFile(variable, path, readFile);
  if (text !== undefined || 'unset' in setting) return text;
  throw new ValueProblem(
    'is not set',
    [
      setting.whenMissing ?? 'set it',
      ...(setting.secret === true ? [`or name a file that holds it with ${variable}_FILE`] : []),
    ].join(', '),
  );
}

function readSecretFile(variable: string, path: string, readFile: ReadFile): string {
  return readSecretText(path, readFile, {
    unreadable: (what) => `cannot be read: ${variable}_FILE names a file that ${what}`,
    empty: `is empty in the file that ${variable}_FILE names`,
  });
}

/**
 * Reads a file that holds nothing but a secret.
 * @param problems how the two that there can be are said
 * @throws ValueProblem
 */
export function readSecretText(
  path: string,
  readFile: ReadFile,
  problems: { readonly unreadable: (what: string) => string; readonly empty: string },
): string {
  let content: string;
  try {
    content = readFile(path);
  } catch (error) {
    const { what, fix } = describeUnreadable(error);
    throw new ValueProblem(problems.unreadable(what), fix);
  }
  // Editors and `echo` end a file with a line break that is not part of the secret.
  const text = content.replace(/\r?\n$/, '');
  if (text !== '') return text;
  throw new ValueProblem(problems.empty, 'write the secret into the file');
}
