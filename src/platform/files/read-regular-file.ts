import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

export interface RegularFile {
  readonly text: string;
  readonly stats: BigIntStats;
}

/**
 * Reads a regular file, text and stamps of the same one even while another takes its name. Devices and pipes are
 * refused: they may have no end, or nothing to say, and whoever reads synchronously stands still with everything else.
 * @throws Error when it is none, is longer than `maxBytes`, or cannot be read
 */
export function readRegularFile(path: string, maxBytes: number): RegularFile {
  // Opening a pipe waits for somebody at its other end, if nothing is said.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file, { bigint: true });
    if (stats.isDirectory()) throw Object.assign(new Error('a folder to read'), { code: 'EISDIR' });
    if (!stats.isFile() || stats.size > maxBytes) throw new Error('no file to read');
    return { text: readFileSync(file, 'utf8'), stats };
  } finally {
    closeSync(file);
  }
}
