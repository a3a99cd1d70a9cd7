import { z } from 'zod';

import type { Environment } from '../read-settings.ts';
import type { ConfigProblem } from '../setting.ts';
import { findClosestName } from '../closest-name.ts';
import { clientsSection } from './clients-section.ts';
import { entrySection } from './entry-section.ts';
import { describeIssues, type FileProblem, type KeyHint } from './file-problems.ts';
import { identityProvidersSection } from './identity-providers-section.ts';
import { listKnownKeys } from './known-keys.ts';
import { mountsSection } from './mounts-section.ts';
import { fileVariable, hintForSetting, readSettingTexts, settingsSection } from './settings-section.ts';
import { trustedIssuersSection } from './trusted-issuers-section.ts';
import { readYaml, type TextPlace, type YamlPath } from './yaml-text.ts';

/**
 * The configuration file: one line for each section, which is a schema in a file of its own. Every key has a title and
 * a description: the reference page and the schema for editors are made of them.
 */
export const configFileSchema = z
  .strictObject({
    settings: settingsSection.optional(),
    identity_providers: identityProvidersSection.optional(),
    mounts: mountsSection.optional(),
    entry: entrySection.optional(),
    trusted_issuers: trustedIssuersSection.optional(),
    clients: clientsSection.optional(),
  })
  .meta({
    title: 'mcp-gatehouse',
    description: `The file that \`${fileVariable}\` names.`,
  });

export type ConfigFile = z.output<typeof configFileSchema>;

export interface ConfigFileReading {
  /** Its sections; undefined while one of them has a problem. */
  readonly sections: ConfigFile | undefined;
  /** The same as they are written, whatever is wrong with them. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** Nobody knows what it says, and so not what it sets either. */
  readonly isUnread: boolean;
  /** Variables under `settings`, as the environment would have them. */
  readonly settingTexts: Environment;
  readonly problems: readonly ConfigProblem[];
  /** A problem with the place where it is in the file. */
  readonly locate: (problem: FileProblem) => ConfigProblem;
  /** Where the file sets a variable, if it does. */
  readonly findSetting: (variable: string) => ConfigProblem['place'];
}

/** Reads the text of the file whose name is `file`. Everything that is wrong is among the problems. */
export function readConfigFile(file: string, text: string): ConfigFileReading {
  const yaml = readYaml(text);
  const placed = ({ line, column }: TextPlace): ConfigProblem['place'] => ({ file, line, column });
  const locate = ({ path, atKey, problem, fix }: FileProblem): ConfigProblem => ({
    variable: formatPath(path),
    problem,
    fix,
    place: placed(atKey === true ? yaml.locateKey(path) : yaml.locate(path)),
  });
  const faults = yaml.faults.map(({ place, problem, fix }) => ({
    variable: fileVariable,
    problem,
    fix,
    place: placed(place),
  }));
  const result = configFileSchema.safeParse(yaml.value);
  const raw = isMap(yaml.value) ? yaml.value : {};
  const settingTexts = readSettingTexts(raw['settings'], yaml);
  const isEmpty = yaml.faults.length === 0 && (yaml.value ?? null) === null;
  if (isEmpty) faults.push({ variable: fileVariable, ...emptyFile, place: placed({ line: 1, column: 1 }) });
  return {
    sections: faults.length > 0 ? undefined : result.data,
    raw,
    isUnread: !isMap(yaml.value) || !isMap(raw['settings'] ?? {}),
    settingTexts,
    problems:
      faults.length > 0
        ? faults
        : describeIssues(result.error?.issues ?? [], yaml, hintFor).map((problem) => locate(problem)),
    locate,
    findSetting: (variable) =>
      [variable, `${variable}_FILE`]
        .filter((name) => name in settingTexts)
        .map((name) => placed(yaml.locateKey(['settings', name])))[0],
  };
}

const emptyFile = {
  problem: 'names a file that says nothing',
  fix: 'write the configuration into it (see docs/configuration-file.md), or unset GATEHOUSE_CONFIG',
};

const hintFor: KeyHint = (path, key) => hintForSecret(path, key) ?? hintForSpelling(path, key);

function hintForSpelling(path: YamlPath, key: string): string | undefined {
  const meant = findClosestName(key, listKnownKeys(configFileSchema, path));
  return meant === undefined ? undefined : `did you mean ${meant}?`;
}

const hintForSecret: KeyHint = (path, key) => {
  if (path.length === 1 && path[0] === 'settings') return hintForSetting(key);
  if (key === 'upstream_authorization') {
    return 'secrets do not stand in this file: write upstream_authorization_file and the path of a file that holds it';
  }
  if (key === 'client_secret' && path[0] === 'clients') {
    return 'secrets do not stand in this file: write client_secret_sha256 and what gatehouse clients hash-secret prints';
  }
  if (key === 'client_secret') {
    return 'secrets do not stand in this file: write client_secret_file and the path of a file that holds it';
  }
  return undefined;
};

/** Keys are names, but what stands in their place may be anything that slipped out of its line. */
const plainKey = /^[\w.:/*-]{1,64}$/;

/** As people write it: `mounts[0].upstream`. The file itself has the name of its variable. */
function formatPath(path: YamlPath): string {
  const steps = path.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    const key = String(step);
    return plainKey.test(key) ? `.${key}` : '.…';
  });
  return steps.join('').replace(/^\./, '') || fileVariable;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
