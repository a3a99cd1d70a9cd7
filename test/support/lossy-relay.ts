import { connect, createServer, type Socket } from 'node:net';

/** A TCP relay on 127.0.0.1 that can lose an answer: the request arrives, and nobody hears what became of it. */
export interface LossyRelay {
  readonly host: string;
  readonly port: number;
  /** From the next bytes of any client on, its answer is withheld, and then its connection cut. Once. */
  loseNextAnswer(): void;
  /** How many answers were lost. */
  readonly lost: () => number;
  close(): Promise<void>;
}

export async function startLossyRelay(target: { host: string; port: number }): Promise<LossyRelay> {
  const sockets = new Set<Socket>();
  let armed = false;
  let lost = 0;
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    let losing = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => {
      if (armed) {
        armed = false;
        losing = true;
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (!losing) {
        client.write(bytes);
        return;
      }
      lost += 1;
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return {
    host: '127.0.0.1',
    port: address.port,
    loseNextAnswer() {
      armed = true;
    },
    lost: () => lost,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
