import type { Clock } from '../../platform/clock.ts';
import { type Infer, integer, name, oneOf, shape } from '../../platform/sealing/shape.ts';
import type { Store } from '../../platform/store/store.ts';
import type { ClientFingerprint } from './client.ts';

export type DenialCause = 'deleted' | 'operator';

export interface Denial {
  readonly client: string;
  readonly cause: DenialCause;
  /** Epoch seconds. */
  readonly deniedAt: number;
}

/**
 * Clients that get nothing any more, although their client id opens. One record each, so that they can be listed; held in
 * memory, since every request that names a client asks; fed by a store feed that every process and every restart reads.
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
const pollMilliseconds = 2_000;
const pageSize = 500;
/** What the operator denied stays denied; a hundred years are for ever. */
const operatorSeconds = 100 * 365 * 86_400;
/** Anybody can register and delete: what that leaves behind has an end. */
const deletedSeconds = 365 * 86_400;

const record = shape({ cause: oneOf('deleted', 'operator'), at: integer });
/** The client, and whether it is denied from here on. */
const feedEntry = shape({ c: name, d: integer });

export function createDeniedClients(deps: DeniedClientsDeps): DeniedClients {
  const { store, clock } = deps;
  const denied = new Set<string>();
  let cursor = '';
  let reading = Promise.resolve();

  async function readFeed(): Promise<void> {
    const page = await store.read(feed, cursor);
    cursor = page.cursor;
    for (const text of page.entries) {
      const entry = parseEntry(text);
      if (entry === undefined) deps.onError(new TypeError('an entry about a client is unknown here'));
      else apply(entry);
    }
  }

  function apply({ c: client, d: isDenied }: Infer<typeof feedEntry>): void {
    if (isDenied === 1) denied.add(client);
    else denied.delete(client);
  }

  /** One after the other: two readings at once could apply a denial after the permission that followed it. */
  function refresh(): Promise<void> {
    const next = reading.catch(() => {}).then(readFeed);
    reading = next;
    return next;
  }

  async function announce(client: string, isDenied: boolean, expiresAt: number): Promise<void> {
    const entry = { c: client, d: isDenied ? 1 : 0 };
    await store.append(feed, JSON.stringify(entry), expiresAt);
    apply(entry);
  }

  const wake = (): void => {
    refresh().catch(deps.onError);
  };
  const unwatch = store.watch(feed, wake);
  const poll = setInterval(wake, pollMilliseconds);
  poll.unref();

  return {
    isDenied: (client) => denied.has(client),
    async deny(client, cause) {
      const now = clock.nowSeconds();
      const kept = cause === 'operator' ? operatorSeconds : (deps.registrationTtlSeconds ?? deletedSeconds);
      const key = keyPrefix + client;
      const value = formatRecord(cause, now);
      const isNew = await store.putIfAbsent(key, value, now + kept);
      // What the operator says outlasts what the client said.
      if (!isNew && cause === 'operator') await replaceRecord(store, key, value, now + kept);
      await announce(client, true, now + kept);
    },
    async allow(client) {
      await store.delete(keyPrefix + client);
      await announce(client, false, clock.nowSeconds() + operatorSeconds);
    },
    list: () => listDenials(store),
    refresh,
    close() {
      unwatch();
      clearInterval(poll);
    },
  };
}

function parseEntry(text: string): Infer<typeof feedEntry> | undefined {
  try {
    const entry: unknown = JSON.parse(text);
    return feedEntry.matches(entry) ? entry : undefined;
  } catch {
    return undefined;
  }
}

function formatRecord(cause: DenialCause, at: number): string {
  return JSON.stringify({ cause, at } satisfies Infer<typeof record>);
}

async function replaceRecord(store: Store, key: string, value: string, expiresAt: number): Promise<void> {
  const present = await store.get(key);
  if (present === undefined) await store.putIfAbsent(key, value, expiresAt);
  else await store.replace(key, present, value, expiresAt);
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
