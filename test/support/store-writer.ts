/**
 * A process that writes to a SQLite store until it is killed: `node store-writer.ts PATH RUN`. Each line of its output
 * names a record that the store has acknowledged.
 */
import { writeSync } from 'node:fs';

import { systemClock } from '../../src/platform/clock.ts';
import { openSqliteStore } from '../../src/platform/store/sqlite-store.ts';

const [, , path = '', run = ''] = process.argv;
const store = openSqliteStore({ path, synchronous: 'NORMAL', clock: systemClock });
const expiresAt = systemClock.nowSeconds() + 3_600;
for (let index = 0; ; index += 1) {
  const key = `${run}:${index}`;
  if (!(await store.putIfAbsent(key, 'pending', expiresAt))) throw new Error('the key was taken');
  if (!(await store.replace(key, 'pending', `spent ${key}`, expiresAt)))
    throw new Error('the record changed');
  await store.append('events', key, expiresAt);
  writeSync(1, `${key}\n`);
}
