import { constants, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';

import type { ConfigProblem } from '../gateway/config/load-config.ts';

/** Of the file system, what it takes to look. Both throw as those of `node:fs` do. */
export interface StorePathDeps {
  readonly stat: (path: string) => Pick<Stats, 'isDirectory' | 'mode'>;
  readonly access: (path: string, mode: number) => void;
}

/**
 * What would keep a SQLite file at this path from being opened, or made; undefined when nothing is seen. Changes
 * nothing: whoever only checks a configuration leaves no empty store behind.
 */
export function findStorePathProblem(path: string, deps: StorePathDeps): ConfigProblem | undefined {
  const complain = (problem: string, fix: string): ConfigProblem => ({
    variable: 'STORE_PATH',
    problem,
    fix,
  });
  // As the store itself does.
  const file = resolve(path);
  const folder = dirname(file);
  if (find(folder, deps)?.isDirectory() !== true) {
    return complain(
      'is in a folder that does not exist',
      'make the folder, or name a file in one that is there',
    );
  }
  // The write-ahead log stands beside the file.
  if (!isAllowed(folder, constants.W_OK | constants.X_OK, deps)) {
    return complain(
      'is in a folder that this process may not write',
      'let the user of this process write the folder, or name a file in another',
    );
  }
  const found = find(file, deps);
  if (found === undefined) return undefined;
  if (found.isDirectory()) return complain('is a folder', 'name a file in it');
  // Also for root, who may write anything: a file that was made read-only was meant to be.
  if ((found.mode & 0o200) !== 0 && isAllowed(file, constants.R_OK | constants.W_OK, deps)) return undefined;
  return complain(
    'is a file that this process may not read and write',
    'let the user of this process read and write the file, or name another',
  );
}

function find(path: string, { stat }: StorePathDeps): ReturnType<StorePathDeps['stat']> | undefined {
  try {
    return stat(path);
  } catch {
    return undefined;
  }
}

function isAllowed(path: string, mode: number, { access }: StorePathDeps): boolean {
  try {
    access(path, mode);
    return true;
  } catch {
    return false;
  }
}
