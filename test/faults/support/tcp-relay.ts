import { once } from 'node:events';
import { type AddressInfo, createServer, connect, type Socket } from 'node:net';

import type { SeededRandom } from './seeded-random.ts';

/**
 * What happens to bytes on their way. `delay`: each piece comes later, in order. `loss`: so many pieces of a hundred
 * are lost at first and arrive after the 200 ms in which TCP notices. `hang`: connections are accepted and nothing
 * goes through. `cut`: connections are reset and refused.
 */
export type Weather =
  | { readonly kind: 'clear' | 'hang' | 'cut' }
  | { readonly kind: 'delay'; readonly milliseconds: number }
  | { readonly kind: 'loss'; readonly percent: number };

export interface TcpRelay {
  readonly port: number;
  /** Connections from clients that are open now. */
  readonly connections: number;
  /** The most that were open at once. */
  readonly mostConnections: number;
  set(weather: Weather): void;
  close(): Promise<void>;
}

const retransmissionMilliseconds = 200;

/** Stands between a client and a server of 127.0.0.1, and is as bad a network as it is told to be. */
export async function startTcpRelay(
  target: () => number,
  random: Pick<SeededRandom, 'below'>,
): Promise<TcpRelay> {
  const clients = new Set<Socket>();
  let weather: Weather = { kind: 'clear' };
  let most = 0;
  let release: Array<() => void> = [];

  const server = createServer((client) => {
    if (weather.kind === 'cut') {
      client.resetAndDestroy();
      return;
    }
    clients.add(client);
    most = Math.max(most, clients.size);
    const upstream = connect(target(), '127.0.0.1');
    pass(client, upstream);
    pass(upstream, client);
    client.once('close', () => clients.delete(client));
  });

  /** Pieces keep their order, whatever became of the weather meanwhile. */
  function pass(from: Socket, to: Socket): void {
    let last = Promise.resolve();
    from.on('data', (piece) => {
      const arrival = travel();
      last = last.then(async () => {
        await arrival;
        if (!to.destroyed) to.write(piece);
      });
    });
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }

  async function travel(): Promise<void> {
    switch (weather.kind) {
      case 'delay':
        return sleep(weather.milliseconds);
      case 'loss':
        return random.below(100) < weather.percent ? sleep(retransmissionMilliseconds) : undefined;
      case 'hang':
        return new Promise((resolve) => release.push(resolve));
      case 'clear':
      case 'cut':
        return undefined;
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return clients.size;
    },
    get mostConnections() {
      return most;
    },
    set(next) {
      weather = next;
      if (next.kind === 'cut') for (const client of clients) client.resetAndDestroy();
      if (next.kind === 'hang') return;
      for (const resolve of release) resolve();
      release = [];
    },
    async close() {
      for (const resolve of release) resolve();
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
