import { openSqliteStore } from '../../src/platform/store/sqlite-store.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { formatGrantRecord, type GrantRecord } from '../../src/services/tokens/grant-record.ts';

const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(43)) as [string, string, string];

const grants: Readonly<Record<string, GrantRecord>> = {
  'grant-1': {
    stage: 'active',
    subject: 'alice',
    client: a,
    current: 'generation-2',
    previous: {
      tokenId: 'generation-1',
      rotatedAtMs: Date.UTC(2026, 10, 21, 7, 30),
      successor: 'mgh_ss_sealed',
    },
  },
  'grant-2': { stage: 'pending', subject: 'bob', client: b },
  'grant-3': { stage: 'active', subject: 'alice', client: b, current: 'generation-1' },
  'grant-4': { stage: 'revoked', subject: 'mal\u001bory', client: c, cause: 'refresh_reuse' },
};

/** A store with four grants of three people and three clients, and a record that nobody can read. */
export async function writeOperatorStore(path: string): Promise<void> {
  const store = openSqliteStore({ path, synchronous: 'NORMAL', clock: systemClock });
  const until = systemClock.nowSeconds() + 3600;
  for (const [grantId, record] of Object.entries(grants)) {
    await store.putIfAbsent(`grant:${grantId}`, formatGrantRecord(record), until);
  }
  await store.putIfAbsent('grant:damaged', '{', until);
  await store.close();
}
