import type { Clock } from '../../platform/clock.ts';
import type { Store } from '../../platform/store/store.ts';
import { formatGrantRecord, type GrantRecord, parseGrantRecord } from './grant-record.ts';

export interface ListedGrant {
  readonly grantId: string;
  readonly record: GrantRecord;
}

/** The recorded grants, for operators. Nobody is served from here. Rejects with `StoreError`. */
export interface GrantDirectory {
  /** Live records in no promised order; what cannot be read is left out. */
  list(): AsyncIterable<ListedGrant>;
  find(grantId: string): Promise<ListedGrant | undefined>;
  /** Makes the record say revoked: nothing is issued for the grant any more. False when it did, or is gone. */
  end(grantId: string, cause: string): Promise<boolean>;
}

export interface GrantDirectoryDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly grantLifetimeSeconds: number;
}

const keyPrefix = 'grant:';
const pageSize = 500;
const maxAttempts = 8;

export function createGrantDirectory(deps: GrantDirectoryDeps): GrantDirectory {
  const { store } = deps;

  async function* list(): AsyncGenerator<ListedGrant> {
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const page = await store.list(keyPrefix, { cursor, limit: pageSize });
      for (const { key, value } of page.records) {
        const record = readRecord(value);
        if (record !== undefined) yield { grantId: key.slice(keyPrefix.length), record };
      }
      cursor = page.next;
    }
  }

  return {
    list,
    async find(grantId) {
      const present = await store.get(keyPrefix + grantId);
      const record = present === undefined ? undefined : readRecord(present);
      return record === undefined ? undefined : { grantId, record };
    },
    async end(grantId, cause) {
      // No refresh token of the grant lives longer, whenever it began.
      const until = deps.clock.nowSeconds() + deps.grantLifetimeSeconds;
      for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
        const present = await store.get(keyPrefix + grantId);
        const record = present === undefined ? undefined : readRecord(present);
        if (present === undefined || record === undefined || record.stage === 'revoked') return false;
        const { subject, client } = record;
        const next = formatGrantRecord({ stage: 'revoked', subject, client, cause });
        if (await store.replace(keyPrefix + grantId, present, next, until)) return true;
      }
      throw new Error('the grant changed on every attempt to end it');
    },
  };
}

function readRecord(text: string): GrantRecord | undefined {
  try {
    return parseGrantRecord(text);
  } catch {
    return undefined;
  }
}
