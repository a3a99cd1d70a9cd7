import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that kernels give to outgoing connections, and above those of well-known services. */
const [lowest, highest] = [15_000, 32_000] as const;
const attempts = 100;
/** A port is found long before it is listened on: what was given once is not given again. */
const given = new Set<number>();

/**
 * A port of 127.0.0.1 that nobody listens on: for what must know its own address before it starts.
 *
 * @throws Error when every port that was tried is taken
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = randomInt(lowest, highest);
    if (given.has(port)) continue;
    given.add(port);
    // oxlint-disable-next-line no-await-in-loop -- one after another: the first that is free is enough
    if (await isFree(port)) return port;
  }
  throw new Error('no free port found');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  await new Promise<unknown>((resolve) => server.close(resolve));
  return listens;
}
