import { createCluster } from '@redis/client';

import type { RedisConnection, RedisLink, RedisLinkDeps } from './redis-connection.ts';
import { NotConnectedError } from './redis-failure.ts';
import { clientOptions, destroyQuietly, pauseMilliseconds } from './redis-client.ts';

const topologyRefreshMilliseconds = 250;
const maxRedirections = 5;

type ClusterConnection = Extract<RedisConnection, { readonly shape: 'cluster' }>;

/**
 * A link to every primary of a cluster, one socket each. The client follows MOVED and ASK and asks for the topology
 * anew when a node is lost; before the first topology is known we ask for it again and again.
 */
export function openClusterLink(deps: RedisLinkDeps & { readonly connection: ClusterConnection }): RedisLink {
  const { connection } = deps;
  let closed = false;
  let ready = false;
  let failures = 0;
  let lastFailure: unknown;
  let timer: NodeJS.Timeout | undefined;
  let cluster = makeCluster();

  function makeCluster() {
    const reconnect = (): number => pauseMilliseconds(5, deps.jitter());
    const { commandOptions, RESP, ...node } = clientOptions(connection, undefined, reconnect);
    const made = createCluster({
      RESP,
      commandOptions,
      rootNodes: connection.addresses.map((address) => ({
        ...node,
        socket: { ...node.socket, ...address },
      })),
      defaults: node,
      maxCommandRedirections: maxRedirections,
      topologyRefreshOnReconnectionAttemptStrategy: topologyRefreshMilliseconds,
    });
    made.on('error', () => undefined);
    made.on('node-ready', () => deps.onEvent('connected'));
    made.on('node-disconnect', () => deps.onEvent('disconnected'));
    return made;
  }

  function connect(): void {
    cluster.connect().then(
      () => {
        ready = !closed;
        failures = 0;
      },
      (error: unknown) => {
        lastFailure = error;
        destroyQuietly(cluster);
        if (closed) return;
        failures += 1;
        timer = setTimeout(
          () => {
            cluster = makeCluster();
            connect();
          },
          pauseMilliseconds(failures, deps.jitter()),
        );
      },
    );
  }
  connect();

  function checkReady(): void {
    if (!ready) throw new NotConnectedError(lastFailure);
  }

  return {
    async run(key, command) {
      checkReady();
      return cluster.sendCommand(key, false, [...command]);
    },
    async primaries() {
      checkReady();
      const nodes = cluster.masters.toSorted((one, other) => (one.id < other.id ? -1 : 1));
      const clients = await Promise.all(nodes.map(async (node) => cluster.nodeClient(node)));
      return clients.map((client) => ({
        run: async (command: readonly string[]) => client.sendCommand([...command]),
      }));
    },
    isConnected: () => ready,
    // One slow node is no reason to cut off the others; its queue is bounded.
    reset: () => undefined,
    close() {
      closed = true;
      ready = false;
      clearTimeout(timer);
      destroyQuietly(cluster);
    },
  };
}
