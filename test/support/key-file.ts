import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemRandom } from '../../src/platform/random.ts';
import { announceKey, createKey, destroyKey, type KeyEntry } from '../../src/services/keys/key-set.ts';
import { changeKeyFile, createKeyFile } from '../../src/services/keys/write-key-file.ts';

/** A key file of a test and what `gatehouse keys` does to it, by the test's clock. */
export interface TestKeyFile {
  readonly path: string;
  /** The variables that make a gatehouse use it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly firstId: string;
  rotate(activateIn: number, retireIn?: number): readonly KeyEntry[];
  destroy(id: string): readonly KeyEntry[];
  remove(): void;
}

export function createTestKeyFile(clock: { nowSeconds(): number }): TestKeyFile {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-keys-'));
  const path = join(folder, 'keys.json');
  const first = createKey(makeSecret(), clock.nowSeconds());
  createKeyFile(path, [first], clock.nowSeconds());
  return {
    path,
    env: { SIGNING_KEYS_FILE: path, TOKEN_SIGNING_SECRET: undefined },
    firstId: first.id,
    rotate(activateIn, retireIn) {
      const now = clock.nowSeconds();
      const activateAt = now + activateIn;
      const destroyAt = retireIn === undefined ? undefined : activateAt + retireIn;
      const change = { secret: makeSecret(), now, activateAt, destroyAt };
      return changeKeyFile(path, now, (entries) => announceKey(entries, change));
    },
    destroy(id) {
      const now = clock.nowSeconds();
      return changeKeyFile(path, now, (entries) => destroyKey(entries, id, { now, newSecret: makeSecret() }));
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

function makeSecret(): string {
  return systemRandom.token(48);
}
