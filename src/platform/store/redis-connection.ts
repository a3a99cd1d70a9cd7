/** Where one Redis (or Valkey) server listens. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** How a server is spoken to once it is reached; the same for every node of a deployment. */
export interface RedisAccess {
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Undefined: not encrypted. `ca` is PEM text; without it the system's authorities count. */
  readonly tls: { readonly ca: string | undefined } | undefined;
}

/** Every shape of deployment that the store can stand on. */
export type RedisConnection = RedisAccess &
  (
    | { readonly shape: 'standalone'; readonly address: RedisAddress; readonly database: number }
    | {
        readonly shape: 'sentinel';
        readonly sentinels: readonly RedisAddress[];
        /** The name under which the sentinels watch the primary. */
        readonly primaryName: string;
        /** For the sentinels themselves, which have users of their own. */
        readonly sentinelAccess: RedisAccess;
        readonly database: number;
      }
    | { readonly shape: 'cluster'; readonly addresses: readonly RedisAddress[] }
  );

/** One server, spoken to directly. */
export interface RedisServer {
  run(command: readonly string[]): Promise<unknown>;
}

/**
 * What the store needs of a connection, whatever the shape. Nothing is queued while there is no connection: commands
 * reject at once. A rejected command may have been applied all the same.
 */
export interface RedisLink {
  /** Runs a command on the primary that owns `key`. */
  run(key: string, command: readonly string[]): Promise<unknown>;
  /** Every primary there is at this moment, in a stable order. */
  primaries(): Promise<readonly RedisServer[]>;
  isConnected(): boolean;
  /** Gives up a connection that does not answer; another one is made in the background. */
  reset(): void;
  close(): void;
}

export type RedisLinkEvent = 'connected' | 'disconnected';

export interface RedisLinkDeps {
  readonly connection: RedisConnection;
  /** A number from 0 to 1, for jitter: replicas must not come back in step. */
  readonly jitter: () => number;
  readonly onEvent: (event: RedisLinkEvent) => void;
}
