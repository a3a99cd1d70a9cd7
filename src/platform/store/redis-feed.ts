import type { RedisLink } from './redis-connection.ts';
import { readScript, runScript } from './redis-scripts.ts';
import type { FeedPage } from './store.ts';

const entriesPerRead = 1_000;

export interface RedisFeedDeps {
  readonly link: RedisLink;
  readonly perform: <Result>(operation: string, attempt: () => Promise<Result>) => Promise<Result>;
  readonly now: () => number;
  /** Under which the entries were read; after a loss a reader starts over. */
  readonly epoch: () => string;
}

/**
 * Reads a stream from a cursor to its end, a bounded piece at a time. The cursor names the epoch it is of: after a
 * failover a position may be ahead of what the new primary hands out, and entries behind it would never be seen.
 * Whoever reads must not mind an entry that comes again.
 */
export async function readFeed(deps: RedisFeedDeps, key: string, cursor: string): Promise<FeedPage> {
  const epoch = deps.epoch();
  const entries: string[] = [];
  const from = parseCursor(cursor, epoch);
  let { position } = from;
  for (;;) {
    const after = position;
    const run = (command: readonly string[]) => deps.link.run(key, command);
    const reply = await deps.perform('read', () =>
      runScript(run, readScript, key, [after, String(entriesPerRead)]),
    );
    const found = parseEntries(reply);
    const now = deps.now();
    for (const entry of found) if (entry.end > now) entries.push(entry.value);
    position = found.at(-1)?.id ?? position;
    if (found.length < entriesPerRead) {
      return { entries, cursor: `${epoch}/${position}`, startedOver: from.epoch !== epoch };
    }
  }
}

/** Where to read on, and the epoch that was read so far.   @throws TypeError */
function parseCursor(
  cursor: string,
  epoch: string,
): { readonly position: string; readonly epoch: string | undefined } {
  if (cursor === '') return { position: '', epoch };
  const match = /^([^/]*)\/((?:\d+-\d+)?)$/.exec(cursor);
  if (match === null) throw new TypeError('the cursor is not one of ours');
  return { position: match[1] === epoch ? (match[2] ?? '') : '', epoch: match[1] };
}

interface Entry {
  readonly id: string;
  readonly end: number;
  readonly value: string;
}

/** `[[id, ['e', end, 'v', value]], …]`   @throws TypeError */
function parseEntries(reply: unknown): readonly Entry[] {
  if (!Array.isArray(reply)) throw new TypeError('the feed is no list');
  return reply.map((entry: unknown) => {
    const [id, fields]: unknown[] = Array.isArray(entry) ? entry : [];
    const [, end, , value]: unknown[] = Array.isArray(fields) ? fields : [];
    if (typeof id !== 'string' || typeof value !== 'string') throw new TypeError('the feed is damaged');
    return { id, end: Number(end), value };
  });
}
