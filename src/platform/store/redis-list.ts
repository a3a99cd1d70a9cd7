import type { RedisServer } from './redis-connection.ts';
import type { StorePageRequest } from './store.ts';

/** One page of keys, and where to go on. */
export interface KeyPage {
  readonly keys: readonly string[];
  readonly next: string | undefined;
}

/** Where a listing stands: which primary, its own cursor there, and keys that were found and not handed out yet. */
interface Position {
  readonly server: number;
  readonly scan: string;
  readonly found: readonly string[];
}

const leastPerScan = 100;

type RunScan = (scan: () => Promise<unknown>) => Promise<unknown>;

/**
 * Lists keys by SCAN, primary after primary. `base` is before every key and not part of it. The cursor holds the whole
 * position, so that any process can go on with it; nothing is kept here.
 * @throws TypeError when the cursor is not one of ours
 */
export async function listKeys(
  servers: readonly RedisServer[],
  base: string,
  prefix: string,
  page: StorePageRequest,
  runScan: RunScan,
): Promise<KeyPage> {
  let position = parsePosition(page.cursor);
  const keys = new Set<string>();
  for (;;) {
    const rest = position.found.filter((key) => !keys.has(key));
    const taken = rest.slice(0, page.limit - keys.size);
    for (const key of taken) keys.add(key);
    position = { ...position, found: rest.slice(taken.length) };
    const server = servers[position.server];
    if (server === undefined) {
      return { keys: [...keys], next: position.found.length > 0 ? formatPosition(position) : undefined };
    }
    if (keys.size >= page.limit) return { keys: [...keys], next: formatPosition(position) };
    const count = String(Math.max(leastPerScan, page.limit));
    const pattern = `${escapePattern(base + prefix)}*`;
    const command = ['SCAN', position.scan, 'MATCH', pattern, 'COUNT', count];
    position = advance(position, base.length, await runScan(() => server.run(command)));
  }
}

function advance(position: Position, baseLength: number, reply: unknown): Position {
  const [scan, found]: unknown[] = Array.isArray(reply) ? reply : [];
  if (!Array.isArray(found)) throw new TypeError('SCAN answered something else');
  const keys = found.map((key) => String(key).slice(baseLength));
  const { server } = position;
  return String(scan) === '0'
    ? { server: server + 1, scan: '0', found: keys }
    : { server, scan: String(scan), found: keys };
}

/** Without this, a prefix with `*` or `[` in it would list what is not below it. */
function escapePattern(text: string): string {
  return text.replaceAll(/[\\*?[\]^]/g, String.raw`\$&`);
}

function formatPosition(position: Position): string {
  return Buffer.from(JSON.stringify([position.server, position.scan, ...position.found])).toString(
    'base64url',
  );
}

function parsePosition(cursor: string): Position {
  if (cursor === '') return { server: 0, scan: '0', found: [] };
  const value = parseJson(Buffer.from(cursor, 'base64url').toString());
  if (!Array.isArray(value)) throw new TypeError('the cursor is not one of ours');
  const [server, scan, ...found]: unknown[] = value;
  if (typeof server !== 'number' || typeof scan !== 'string' || !/^\d+$/.test(scan)) {
    throw new TypeError('the cursor is not one of ours');
  }
  return { server, scan, found: found.map(String) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
