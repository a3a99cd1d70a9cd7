import {
  type Client,
  connectMilliseconds,
  destroyQuietly,
  makeClient,
  pause,
  pauseMilliseconds,
  withDeadline,
} from './redis-client.ts';
import type { RedisAddress, RedisConnection, RedisLink, RedisLinkDeps } from './redis-connection.ts';
import { NotConnectedError } from './redis-failure.ts';
import { findPrimary } from './redis-sentinel.ts';

type Listener = (message: string) => void;

/** A link over one socket to one server at a time: the whole of standalone and Sentinel, and every subscriber. */
export interface RedisNodeLink extends RedisLink {
  /** Calls back with every message of a channel, for as long as the link lives. */
  subscribe(channel: string, listener: Listener): void;
}

/**
 * Connects in the background and for as long as it takes. Each attempt asks anew where the server is, so that a
 * failover, a changed DNS answer and a restarted server are all the same to whoever uses the link.
 */
export function openNodeLink(deps: RedisLinkDeps): RedisNodeLink {
  const channels = new Map<string, Listener>();
  const closing = new AbortController();
  let current: Client | undefined;
  let giveUp = (): void => undefined;
  let attempts = 0;
  let lastFailure: unknown;

  async function connectOnce(): Promise<void> {
    attempts += 1;
    const address = await findAddress(deps.connection, attempts);
    const client = makeNodeClient(deps.connection, address);
    const over = new Promise<void>((resolve) => {
      giveUp = resolve;
      for (const event of ['error', 'end', 'terminated']) client.on(event, () => resolve());
    });
    try {
      await withDeadline(prepare(client, deps.connection, channels), connectMilliseconds);
      if (closing.signal.aborted) return;
      current = client;
      attempts = 0;
      deps.onEvent('connected');
      await over;
    } finally {
      if (current === client) {
        current = undefined;
        deps.onEvent('disconnected');
      }
      destroyQuietly(client);
    }
  }

  async function keepConnected(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted;) {
      const began = attempts;
      await connectOnce().catch((error: unknown) => {
        lastFailure = error;
      });
      // `attempts` is back at 0 when the attempt led to a connection: then the first try again is at once.
      failures = attempts > began ? failures + 1 : 0;
      await pause(pauseMilliseconds(failures, deps.jitter()), closing.signal);
    }
  }

  const send = async (command: readonly string[]): Promise<unknown> => {
    if (current === undefined) throw new NotConnectedError(lastFailure);
    return current.sendCommand([...command]);
  };
  void keepConnected();

  return {
    run: async (_key, command) => send(command),
    primaries: async () => [{ run: send }],
    isConnected: () => current !== undefined,
    subscribe(channel, listener) {
      channels.set(channel, listener);
      // A failure here is a connection that is about to be replaced, and that subscribes anew.
      current?.subscribe(channel, listener).catch(() => giveUp());
    },
    reset: () => giveUp(),
    close() {
      closing.abort();
      giveUp();
      if (current !== undefined) destroyQuietly(current);
    },
  };
}

async function findAddress(connection: RedisConnection, attempt: number): Promise<RedisAddress> {
  switch (connection.shape) {
    case 'standalone':
      return connection.address;
    case 'sentinel':
      return findPrimary(connection, (address) => makeClient(connection.sentinelAccess, address, 0));
    case 'cluster': {
      // A subscriber: a message reaches every node of a cluster, so that any one will do.
      const address = connection.addresses[attempt % connection.addresses.length];
      if (address === undefined) throw new Error('no address is configured');
      return address;
    }
  }
}

/** Connects, and refuses a server that is no primary: a replica takes no writes, and its answers may be old. */
async function prepare(
  client: Client,
  connection: RedisConnection,
  channels: ReadonlyMap<string, Listener>,
): Promise<void> {
  await client.connect();
  if (connection.shape === 'sentinel') {
    const role = await client.sendCommand(['ROLE']);
    if (!Array.isArray(role) || role[0] !== 'master') throw new Error('the server is not the primary');
  }
  for (const [channel, listener] of channels) await client.subscribe(channel, listener);
}

function makeNodeClient(connection: RedisConnection, address: RedisAddress): Client {
  return makeClient(connection, address, connection.shape === 'cluster' ? 0 : connection.database);
}
