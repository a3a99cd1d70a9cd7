import type { z } from 'zod';

import type { YamlPath, YamlReading } from './yaml-text.ts';

/** What is wrong at some place of the file. Names keys and shows no values. */
export interface FileProblem {
  readonly path: YamlPath;
  /** It is about the last step of the path as a key, whatever its value. */
  readonly atKey?: true;
  readonly problem: string;
  readonly fix: string;
}

/** What to do about a key that is not known where it stands, when there is more to say than its name. */
export type KeyHint = (path: YamlPath, key: string) => string | undefined;

const kinds: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'a map of keys',
  record: 'a map of keys',
  string: 'text',
};

/** What a schema says of a value that is to be a duration, and is no text. */
export const durationKind = 'duration';

/** The issues of a schema in our words: its own quote what was found. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  yaml: Pick<YamlReading, 'has' | 'findSource'>,
  hintFor: KeyHint,
): FileProblem[] {
  return issues.flatMap((issue): FileProblem | FileProblem[] => {
    const { path } = issue;
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => describeUnknownKey(path, key, hintFor));
    }
    if (issue.code === 'invalid_key') {
      return issue.issues.map((inner) => ({ path, atKey: true, ...describe(inner) }));
    }
    if (issue.code === 'invalid_type' && !yaml.has(path)) {
      return { path, problem: 'is missing', fix: `add it: it takes ${kinds[issue.expected] ?? 'a value'}` };
    }
    if (issue.code === 'invalid_value' && !yaml.has(path)) {
      return { path, problem: 'is missing', fix: `add it: ${issue.values.map(String).join(' or ')}` };
    }
    // Whoever writes a number or a switch where text belongs sees text: only YAML sees something else.
    if (wantsText(issue) && yaml.findSource(path) !== undefined) {
      return { path, ...(isDuration(issue) ? noDuration : unquoted) };
    }
    if (issue.code === 'invalid_union') {
      const meant = issue.errors.find((found) => !found.some(isOfAnotherKind));
      const inside = (meant ?? []).map((each) => ({ ...each, path: [...path, ...each.path] }));
      if (inside.length > 0) return describeIssues(inside, yaml, hintFor);
    }
    return { path, ...describe(issue) };
  });
}

const noDuration = { problem: 'is not a duration', fix: 'write a number with its unit, such as 90s or 5m' };
const unquoted = {
  problem: 'is not text',
  fix: 'put it in quotes: YAML takes it for a number, or for true or false',
};

function wantsText(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'invalid_type') return issue.expected === 'string';
  return issue.code === 'invalid_union' && issue.errors.some((branch) => branch.some(isOfText));
}

function isOfText(issue: z.core.$ZodIssue): boolean {
  return issue.path.length === 0 && issue.code === 'invalid_type' && issue.expected === 'string';
}

function isDuration({ code, message }: z.core.$ZodIssue): boolean {
  return code === 'invalid_type' && message === durationKind;
}

/** What was written is none of this kind at all, whatever else is wrong with it. */
function isOfAnotherKind({ path, code }: z.core.$ZodIssue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
}

function describeUnknownKey(path: YamlPath, key: string, hintFor: KeyHint): FileProblem {
  const hint = hintFor(path, key) ?? 'remove it, or correct its spelling: see docs/configuration-file.md';
  return { path: [...path, key], atKey: true, problem: 'is no key that is known here', fix: hint };
}

function describe(issue: z.core.$ZodIssue): Pick<FileProblem, 'problem' | 'fix'> {
  switch (issue.code) {
    case 'custom':
      return {
        problem: issue.message,
        fix: String(issue.params?.['fix'] ?? 'see docs/configuration-file.md'),
      };
    case 'invalid_type':
      return {
        problem: `is not ${kinds[issue.expected] ?? issue.expected}`,
        fix: `write ${kinds[issue.expected] ?? issue.expected}`,
      };
    case 'invalid_value':
      return {
        problem: 'is none of the values that are known',
        fix: `write ${issue.values.map(String).join(' or ')}`,
      };
    case 'too_small':
    case 'too_big':
      return describeSize(issue);
    case 'invalid_union':
      return { problem: 'is not of a kind that is accepted here', fix: 'see docs/configuration-file.md' };
    case 'invalid_format':
      if (issue.format === 'url') {
        return { problem: 'is no URL', fix: 'write it whole, such as https://login.example.com' };
      }
      return { problem: 'is not acceptable', fix: 'see docs/configuration-file.md' };
    default:
      return { problem: 'is not acceptable', fix: 'see docs/configuration-file.md' };
  }
}

function describeSize(
  issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
): Pick<FileProblem, 'problem' | 'fix'> {
  const isCount = issue.origin === 'array' || issue.origin === 'string';
  const things = issue.origin === 'array' ? ' entries' : issue.origin === 'string' ? ' characters' : '';
  return issue.code === 'too_small'
    ? {
        problem: isCount ? 'is too short' : 'is out of range',
        fix: `at least ${issue.minimum}${things}`,
      }
    : { problem: isCount ? 'is too long' : 'is out of range', fix: `at most ${issue.maximum}${things}` };
}
