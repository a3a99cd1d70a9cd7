import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { KeyPair } from './certificates.ts';

/** A folder of its own for the PEM files of a test. */
export interface PemFolder {
  /** Writes a file, or writes it anew; returns its path. */
  write(name: string, text: string): string;
  /** Writes both files of a pair; returns their paths. */
  writePair(name: string, pair: KeyPair): { readonly certFile: string; readonly keyFile: string };
  path(name: string): string;
  remove(): void;
}

export function createPemFolder(): PemFolder {
  const folder = mkdtempSync(join(tmpdir(), 'pem-'));
  const path = (name: string): string => join(folder, name);
  const write = (name: string, text: string): string => {
    writeFileSync(path(name), text);
    return path(name);
  };
  return {
    write,
    writePair: (name, { cert, key }) => ({
      certFile: write(`${name}.crt`, cert),
      keyFile: write(`${name}.key`, key),
    }),
    path,
    remove: () => rmSync(folder, { recursive: true }),
  };
}
