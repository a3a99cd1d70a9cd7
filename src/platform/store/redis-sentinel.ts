import type { RedisAddress, RedisConnection } from './redis-connection.ts';
import { type Client, destroyQuietly, withDeadline } from './redis-client.ts';

const answerMilliseconds = 500;

/**
 * Asks one sentinel after the other where the primary is; the first that knows is believed, as the server itself is
 * asked for its role afterwards.
 * @throws Error when none answers
 */
export async function findPrimary(
  connection: Extract<RedisConnection, { readonly shape: 'sentinel' }>,
  makeClient: (address: RedisAddress) => Client,
): Promise<RedisAddress> {
  for (const sentinel of connection.sentinels) {
    const client = makeClient(sentinel);
    try {
      const found = await withDeadline(ask(client, connection.primaryName), answerMilliseconds);
      if (found !== undefined) return found;
    } catch {
      // The next one may know.
    } finally {
      destroyQuietly(client);
    }
  }
  throw new Error('no sentinel knows the primary');
}

async function ask(client: Client, primaryName: string): Promise<RedisAddress | undefined> {
  await client.connect();
  const reply = await client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primaryName]);
  if (!Array.isArray(reply)) return undefined;
  const [host, port]: unknown[] = reply;
  return typeof host === 'string' && /^\d+$/.test(String(port)) ? { host, port: Number(port) } : undefined;
}
