import { describeUnreadable } from '../../../platform/files/unreadable-file.ts';
import type { Environment, ReadFile } from '../read-settings.ts';
import type { ConfigProblem } from '../setting.ts';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import type { FileProblem } from './file-problems.ts';
import { fileVariable, joinEnvironment } from './settings-section.ts';

/** What there is to be read: the environment, and under it the file that it names. */
export interface GivenConfig {
  /** Variables of both. */
  readonly env: Environment;
  /** Undefined: there is no file, or one of its sections has a problem. */
  readonly sections: ConfigFile | undefined;
  /** Of the file, as it is written. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** There is a file, and nobody knows what it says: what is not set may be set there. */
  readonly isUnread: boolean;
  /** Undefined: `GATEHOUSE_CONFIG` names no file. */
  readonly path: string | undefined;
  /** Variables that are the file's, as the environment would have them. */
  readonly settings: Environment;
  /** Everything that is wrong with the file by itself. */
  readonly problems: readonly ConfigProblem[];
  /** A problem of the file with its place. */
  readonly locate: (problem: FileProblem) => ConfigProblem;
  /** A problem of a variable, or of a key as `mounts[0].url`, with its place if it is the file that has it. */
  readonly locateVariable: (problem: ConfigProblem) => ConfigProblem;
}

/** Reads the file that `GATEHOUSE_CONFIG` names, if it names one. */
export function readGivenConfig(env: Environment, readFile: ReadFile): GivenConfig {
  const path = env[fileVariable] ?? '';
  if (path === '') return withoutFile(env, []);
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const { what, fix } = describeUnreadable(error);
    return withoutFile(env, [{ variable: fileVariable, problem: `names a file that ${what}`, fix }]);
  }
  const reading = readConfigFile(path, text);
  const { sections, raw, isUnread, settingTexts, problems, locate, findSetting } = reading;
  const joined = joinEnvironment(env, settingTexts);
  const settings = Object.fromEntries(
    Object.entries(settingTexts).filter(([name, its]) => joined[name] === its && env[name] !== its),
  );
  return {
    env: joined,
    path,
    settings,
    sections,
    raw,
    isUnread,
    problems,
    locate,
    locateVariable(problem) {
      const { variable } = problem;
      if (/[.[]/.test(variable)) return locate({ ...problem, path: parsePath(variable) });
      const isOurs = [variable, `${variable}_FILE`].some((name) => name in settings);
      return isOurs
        ? { ...problem, variable: `settings.${variable}`, place: findSetting(variable) }
        : problem;
    },
  };
}

/** The steps of `mounts[0].tls.ca_file`. */
function parsePath(text: string): readonly (string | number)[] {
  return (text.match(/[^.[\]]+/g) ?? []).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function withoutFile(env: Environment, problems: readonly ConfigProblem[]): GivenConfig {
  const locate = ({ problem, fix }: FileProblem): ConfigProblem => ({ variable: fileVariable, problem, fix });
  return {
    env,
    path: undefined,
    settings: {},
    sections: undefined,
    raw: {},
    isUnread: problems.length > 0,
    problems,
    locate,
    locateVariable: (problem) => problem,
  };
}
