import type { BigIntStats } from 'node:fs';

import type { EpochSeconds } from '../../platform/clock.ts';
import { readRegularFile, type RegularFile } from '../../platform/files/read-regular-file.ts';
import { describeUnreadable } from '../../platform/files/unreadable-file.ts';
import { parseKeyFile } from './key-file-format.ts';
import { checkSuccession, type KeyEntry } from './key-set.ts';
import { KeySetError } from './key-set-error.ts';

/** Others may do nothing with the file, the file's group may read it: a mounted secret often belongs to a group. */
const exposingModes = 0o027n;
const maxFileBytes = 262_144;

export interface KeyFileReading {
  readonly entries: readonly KeyEntry[];
  /** The text they were read from. It holds secrets. */
  readonly content: string;
  /** Differs when the file was written, replaced, or its mode changed; not always within one tick of the clock. */
  readonly stamp: string;
}

/**
 * Reads a key file and judges it as of now.
 * @throws KeySetError
 */
export function readKeyFile(
  path: string,
  options: {
    readonly now: EpochSeconds;
    /** Production mode: a file that other accounts of the machine may read or change is refused. */
    readonly refuseExposed: boolean;
  },
): KeyFileReading {
  const { text: content, stats } = readWhole(path);
  if (options.refuseExposed && (stats.mode & exposingModes) !== 0n) {
    throw new KeySetError('exposed', 'is open to other accounts, which production mode refuses', {
      fix: 'chmod 600, and let it belong to the account that the server runs as',
    });
  }
  const entries = parseKeyFile(content);
  checkSuccession(entries, options.now);
  return { entries, content, stamp: stampOf(stats) };
}

export function stampOf(stats: BigIntStats): string {
  return [stats.dev, stats.ino, stats.mode, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}

function readWhole(path: string): RegularFile {
  try {
    return readRegularFile(path, maxFileBytes);
  } catch (error) {
    const { what, fix } = describeUnreadable(error);
    throw new KeySetError('unreadable', what, { fix: `${fix}; gatehouse keys generate makes one` });
  }
}
