import { type ReadFile, readSecretText } from '../read-settings.ts';
import { settings } from '../schema.ts';
import { ValueProblem } from '../setting.ts';
import { listAcceptsFiles } from './assemble-accepts.ts';
import type { FileProblem } from './file-problems.ts';
import type { MountEntry } from './mounts-section.ts';
import type { YamlPath } from './yaml-text.ts';

/** What a mount has in files of its own. */
export interface MountSecrets {
  /** Verbatim `Authorization` for the upstream. */
  readonly authorization: string | undefined;
  /** Further request headers. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly problems: readonly FileProblem[];
}

/** Reads the files that the mount at `index` of the list names. */
export function readMountSecrets(index: number, entry: MountEntry, readFile: ReadFile): MountSecrets {
  const problems: FileProblem[] = [];
  const read = (path: YamlPath, file: string): string | undefined => {
    try {
      return readHeaderFile(file, readFile);
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      problems.push({ path: ['mounts', index, ...path], problem: error.problem, fix: error.fix });
      return undefined;
    }
  };
  const { upstream_authorization_file: file, request_headers: headers } = entry;
  return {
    authorization: file === undefined ? undefined : read(['upstream_authorization_file'], file),
    headers: Object.entries(headers.set_from_files ?? {}).map(([name, its]) => [
      name,
      read(['request_headers', 'set_from_files', name], its) ?? '',
    ]),
    problems,
  };
}

/** The files that a mount has its secrets in. */
export function listSecretFiles(entry: MountEntry): readonly string[] {
  const { upstream_authorization_file: file, request_headers: headers } = entry;
  return [
    ...(file === undefined ? [] : [file]),
    ...Object.values(headers.set_from_files ?? {}),
    ...(entry.accepts === undefined ? [] : listAcceptsFiles(entry.accepts)),
  ];
}

/** @throws ValueProblem */
function readHeaderFile(path: string, readFile: ReadFile): string {
  const text = readSecretText(path, readFile, {
    unreadable: (what: string) => `names a file that ${what}`,
    empty: 'names a file that is empty',
  });
  try {
    return settings.UPSTREAM_AUTHORIZATION_HEADER.parse(text);
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    throw new ValueProblem('names a file that does not hold a header value', error.fix);
  }
}
