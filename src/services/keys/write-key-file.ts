import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

import type { EpochSeconds } from '../../platform/clock.ts';
import { formatKeyFile, parseKeyFile } from './key-file-format.ts';
import { checkSuccession, type KeyEntry } from './key-set.ts';
import { KeySetError } from './key-set-error.ts';
import { readKeyFile } from './read-key-file.ts';

const ownerOnly = 0o600;
/** What a key file's group may do with it at most: read. */
const allowedModes = 0o640;

/**
 * Makes a key file that was not there, for its owner only. Of several that do so at once one wins, and the others are
 * told: a server that read the first file must not find other keys in it.
 * @throws KeySetError when there is one already, or it cannot be written
 */
export function createKeyFile(path: string, entries: readonly KeyEntry[], now: EpochSeconds): void {
  // Also below; here so that nothing is written for it.
  if (existsSync(path)) throw existsAlready();
  writeAtomically(path, { owner: undefined, publish: publishNew }, () => ({ entries, now }));
}

/**
 * Changes a key file in one step: a reader sees the old file or the new one, and after a power cut it is one of the
 * two. Owner and group stay what they were, so that the server can still read it.
 * @returns the keys that are now in it
 * @throws KeySetError
 */
export function changeKeyFile(
  path: string,
  now: EpochSeconds,
  change: (entries: readonly KeyEntry[]) => readonly KeyEntry[],
): readonly KeyEntry[] {
  const { entries: before } = readKeyFile(path, { now, refuseExposed: false });
  // The file itself, not the link to it.
  const target = realpathSync(path);
  let changed = before;
  writeAtomically(target, { owner: statSync(target), publish: renameSync }, () => {
    // Read again: now nobody else writes.
    changed = change(readKeyFile(target, { now, refuseExposed: false }).entries);
    return { entries: changed, now };
  });
  return changed;
}

function writeAtomically(
  path: string,
  how: { readonly owner: Stats | undefined; readonly publish: (temporary: string, path: string) => void },
  make: () => { readonly entries: readonly KeyEntry[]; readonly now: EpochSeconds },
): void {
  const temporary = `${path}.new`;
  const file = openExclusively(temporary);
  try {
    if (how.owner !== undefined) keepOwner(file, how.owner);
    const { entries, now } = make();
    const content = formatKeyFile(entries);
    // What the server would refuse is never written.
    checkSuccession(parseKeyFile(content), now);
    writeFileSync(file, content);
    fsyncSync(file);
    how.publish(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(file);
  }
  syncFolder(dirname(path));
}

/** A second name, and then the first one away: unlike a rename, it never takes the place of a file that came meanwhile. */
function publishNew(temporary: string, path: string): void {
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw error.code === 'EEXIST' ? existsAlready() : unwritable(String(error.code));
  }
  unlinkSync(temporary);
}

function existsAlready(): KeySetError {
  return new KeySetError('succession', 'exists already', {
    fix: 'to change keys use: gatehouse keys rotate',
  });
}

/** The temporary file is also the lock: two changes at once would lose one of them. */
function openExclusively(temporary: string): number {
  try {
    return openSync(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, ownerOnly);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    if (error.code !== 'EEXIST') throw unwritable(String(error.code));
    throw new KeySetError('succession', 'is being changed by somebody else', {
      fix: 'try again; if nobody is, remove the file of the same name with .new at its end',
    });
  }
}

function keepOwner(file: number, { uid, gid, mode }: Stats): void {
  const current = process.getuid?.() === uid && process.getgid?.() === gid;
  try {
    if (!current) fchownSync(file, uid, gid);
  } catch {
    throw unwritable('it belongs to another account');
  }
  fchmodSync(file, (mode & allowedModes) | ownerOnly);
}

function unwritable(why: string): KeySetError {
  return new KeySetError('unwritable', `cannot be written (${why})`, {
    fix: 'run this as the account that owns the file, in a folder that it may write',
  });
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
