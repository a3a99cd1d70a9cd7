import { createClient } from '@redis/client';

import type { RedisAccess, RedisAddress } from './redis-connection.ts';

export const connectMilliseconds = 1_500;
const shortestPauseMilliseconds = 25;
const longestPauseMilliseconds = 500;
/** A peer that is gone without a word is found out by silence after a question; a subscriber asks nothing else. */
const pingMilliseconds = 3_000;
const idleMilliseconds = 8_000;
/** Commands written and not answered; past it the link refuses. The bytes behind them are bounded with it. */
const maxPendingCommands = 4_096;

/** As much of a client as a link uses. */
export interface Client {
  sendCommand(command: string[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: string, listener: (argument: unknown) => void): unknown;
}

/** @see redis-connection.ts: reconnecting is the link's, not the client's. */
export function makeClient(access: RedisAccess, address: RedisAddress, database: number): Client {
  const client = createClient({ ...clientOptions(access, address, false), database });
  // A client without a listener would end the process at its first error.
  client.on('error', () => undefined);
  return client;
}

type ReconnectStrategy = false | (() => number);

/**
 * The settings of every client of ours. `address` undefined: the client knows it from elsewhere.
 * RESP 2 and no CLIENT commands: fewer things that an old server, a proxy or a narrow ACL could refuse.
 */
export function clientOptions(
  access: RedisAccess,
  address: RedisAddress | undefined,
  reconnectStrategy: ReconnectStrategy,
) {
  const common = {
    ...address,
    connectTimeout: connectMilliseconds,
    socketTimeout: idleMilliseconds,
    reconnectStrategy,
  };
  const { tls } = access;
  return {
    RESP: 2 as const,
    // Deadlines are the store's own: one timer for an operation instead of one signal for each command.
    commandOptions: { timeout: 0 },
    commandsQueueMaxLength: maxPendingCommands,
    pingInterval: pingMilliseconds,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled' as const,
    ...(access.username === undefined ? {} : { username: access.username }),
    ...(access.password === undefined ? {} : { password: access.password }),
    socket:
      tls === undefined
        ? common
        : { ...common, tls: true as const, ...(tls.ca === undefined ? {} : { ca: tls.ca }) },
  };
}

/** Full jitter over an exponential back-off. */
export function pauseMilliseconds(failures: number, jitter: number): number {
  if (failures === 0) return 0;
  const most = Math.min(longestPauseMilliseconds, shortestPauseMilliseconds * 2 ** Math.min(failures, 10));
  return shortestPauseMilliseconds + jitter * (most - shortestPauseMilliseconds);
}

export function destroyQuietly(client: Pick<Client, 'destroy'>): void {
  try {
    client.destroy();
  } catch {
    // It was closed already.
  }
}

export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}

/** Rejects when the time is over; what was asked for may still happen. */
export async function withDeadline<Result>(promise: Promise<Result>, milliseconds: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    // One more look at the sockets: after a busy moment the answer may lie there unread, and timers come first.
    timer = setTimeout(() => setImmediate(() => reject(new Error('no answer in time'))), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
