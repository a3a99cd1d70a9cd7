import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

/** What this process holds on to, in megabytes: its heap and its buffers, after everything else was collected. */
export async function heldMegabytes(): Promise<number> {
  // Finalizers and closed sockets let go in a turn of their own.
  for (let round = 0; round < 3; round += 1) {
    if (typeof collectGarbage === 'function') collectGarbage();
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}
