import type { Clock } from '../../platform/clock.ts';
import { type Infer, integer, oneOf, shape } from '../../platform/sealing/shape.ts';
import { followFeed } from '../../platform/store/feed-follower.ts';
import type { Store } from '../../platform/store/store.ts';
import type { ClientFingerprint } from './client.ts';
import {
  createDenialIndex,
  type DenialCause,
  formatVerdict,
  parseVerdict,
  type Verdict,
} from './denial-index.ts';

export interface Denial {
  readonly client: string;
  readonly cause: DenialCause;
  /** Epoch seconds. */
  readonly deniedAt: number;
}

/**
 * Clients that get nothing any more, although their client id opens. One record each, so that they can be listed; held in
 * memory, since every request that names a client asks; fed by a store feed that every process and every restart reads.
 * What the store forgets of it, those who know it put back.
 */
export interface DeniedClients {
  /** Asks nobody. */
  isDenied(client: ClientFingerprint): boolean;
  /** Resolves when store and feed have it, and this process refuses. Rejects with `StoreError`. */
  deny(client: string, cause: DenialCause): Promise<void>;
  /** Undoes a denial. */
  allow(client: string): Promise<void>;
  list(): Promise<readonly Denial[]>;
  /** Reads what the feed has got since the last time. */
  refresh(): Promise<void>;
  close(): void;
}

export interface DeniedClientsDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** How long a registration lasts, and with it the memory that it was deleted. Undefined: registrations never expire. */
  readonly registrationTtlSeconds: number | undefined;
  /** Told when a poll failed; the list then stays as it was. */
  readonly onError: (error: unknown) => void;
}

const feed = 'denied-clients';
const keyPrefix = 'denied-client:';
const pageSize = 500;
/** What the operator denied stays denied; a hundred years are for ever. */
const operatorSeconds = 100 * 365 * 86_400;
/** Anybody can register and delete: what that leaves behind has an end. */
const deletedSeconds = 365 * 86_400;

const record = shape({ cause: oneOf('deleted', 'operator'), at: integer });

export function createDeniedClients(deps: DeniedClientsDeps): DeniedClients {
  const { store, clock } = deps;
  const index = createDenialIndex();

  const parse = (text: string): Verdict | undefined =>
    parseVerdict(text, clock.nowSeconds() + operatorSeconds);

  const follower = followFeed<Verdict>({
    store,
    feed,
    clock,
    forget: (now) => index.forget(now),
    onError: deps.onError,
    take(entries) {
      for (const text of entries) {
        const verdict = parse(text);
        if (verdict === undefined) deps.onError(new TypeError('an entry about a client is unknown here'));
        else index.add(verdict);
      }
    },
    compare() {
      const present = createDenialIndex();
      return {
        note(entries) {
          for (const verdict of entries.map(parse)) if (verdict !== undefined) present.add(verdict);
        },
        // Denials all: their records lie elsewhere than the feed, and may be gone without it.
        *missing() {
          for (const verdict of index.live(clock.nowSeconds())) {
            if (verdict.isDenied || !present.includes(verdict)) yield verdict;
          }
        },
        async put(verdict) {
          await writeRecord(store, verdict);
          if (!present.includes(verdict)) await store.append(feed, formatVerdict(verdict), verdict.end);
        },
      };
    },
  });

  async function say(isDenied: boolean, client: string, cause: DenialCause, seconds: number): Promise<void> {
    // After what was heard before it, whatever the clock of whoever said that.
    const saidAtMs = Math.max(clock.nowMilliseconds(), (index.find(client)?.saidAtMs ?? 0) + 1);
    const verdict = { client, isDenied, cause, saidAtMs, end: clock.nowSeconds() + seconds };
    await writeRecord(store, verdict);
    await store.append(feed, formatVerdict(verdict), verdict.end);
    index.add(verdict);
  }

  return {
    isDenied: (client) => index.isDenied(client, clock.nowSeconds()),
    async deny(client, cause) {
      const kept = cause === 'operator' ? operatorSeconds : (deps.registrationTtlSeconds ?? deletedSeconds);
      await say(true, client, cause, kept);
    },
    allow: (client) => say(false, client, 'operator', operatorSeconds),
    list: () => listDenials(store),
    refresh: () => follower.refresh(),
    close: () => follower.close(),
  };
}

/** A denial has a record, a permission has none. Safe to repeat. */
async function writeRecord(store: Store, { client, isDenied, cause, saidAtMs, end }: Verdict): Promise<void> {
  const key = keyPrefix + client;
  if (!isDenied) return store.delete(key);
  const value = JSON.stringify({ cause, at: Math.floor(saidAtMs / 1000) } satisfies Infer<typeof record>);
  const isNew = await store.putIfAbsent(key, value, end);
  // What the operator says outlasts what the client said.
  if (isNew || cause !== 'operator') return;
  const present = await store.get(key);
  if (present === undefined) await store.putIfAbsent(key, value, end);
  else if (present !== value) await store.replace(key, present, value, end);
}

async function listDenials(store: Store): Promise<readonly Denial[]> {
  const denials: Denial[] = [];
  for (let next: string | undefined = ''; next !== undefined;) {
    const page = await store.list(keyPrefix, { cursor: next, limit: pageSize });
    for (const { key, value } of page.records) {
      const parsed: unknown = JSON.parse(value);
      if (!record.matches(parsed)) continue;
      denials.push({ client: key.slice(keyPrefix.length), cause: parsed.cause, deniedAt: parsed.at });
    }
    next = page.next;
  }
  return denials;
}
