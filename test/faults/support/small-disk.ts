import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { GatehouseProcess } from './gatehouse-process.ts';

/** A folder whose disk can run full. */
export interface SmallDisk {
  readonly folder: string;
  /** Whether it is a disk of its own, or only a limit for the process that writes. */
  readonly isMounted: boolean;
  fill(writer: GatehouseProcess): void;
  free(writer: GatehouseProcess): void;
  close(): void;
}

const megabytes = 8;
const pieceBytes = 4_096;

/** 8 MB of memory as a disk where that may be mounted; elsewhere a limit on what the writer may write. */
export function openSmallDisk(): SmallDisk {
  const outer = mkdtempSync(join(tmpdir(), 'gatehouse-disk-'));
  const folder = join(outer, 'disk');
  mkdirSync(folder);
  const isMounted = run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder);
  const filler = join(folder, 'filler');
  return {
    folder,
    isMounted,
    fill: (writer) => (isMounted ? fillUp(filler) : limitFiles(writer, '1')),
    free: (writer) => (isMounted ? rmSync(filler) : limitFiles(writer, 'unlimited')),
    close() {
      if (isMounted) run('umount', '--lazy', folder);
      rmSync(outer, { recursive: true, force: true });
    },
  };
}

function fillUp(filler: string): void {
  try {
    for (;;) appendFileSync(filler, Buffer.alloc(pieceBytes));
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('ENOSPC')) throw error;
  }
}

/** Of the running process, its soft limit: writes behind it fail, as on a full disk. */
function limitFiles(writer: GatehouseProcess, bytes: string): void {
  execFileSync('/usr/bin/prlimit', ['--pid', String(writer.pid()), `--fsize=${bytes}:`]);
}

function run(command: string, ...words: readonly string[]): boolean {
  try {
    execFileSync(command, words, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
