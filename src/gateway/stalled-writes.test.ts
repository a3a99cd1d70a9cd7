import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { createStalledWrites } from './stalled-writes.ts';

const limitMs = 120;
const watch = createStalledWrites(limitMs);
const open: (Server | Socket)[] = [];

afterEach(() => {
  watch.close();
  for (const each of open.splice(0)) {
    if ('destroy' in each) each.destroy();
    else each.close();
  }
});

/** Both ends of a connection of which the server's is watched. */
async function openConnection(): Promise<{ readonly ours: Socket; readonly client: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  const [ours] = await accepted;
  open.push(server, client, ours);
  watch.watch(ours);
  return { ours, client };
}

const severalLimits = () => new Promise((resolve) => setTimeout(resolve, 5 * limitMs));

describe('a connection whose client takes nothing', () => {
  it('is cut when there is something for it', async () => {
    const { ours, client } = await openConnection();
    client.pause();
    ours.write(Buffer.alloc(64 * 1024 * 1024));
    await once(ours, 'close');
    expect(ours.destroyed).toBe(true);
  });

  it('stays when there is nothing for it', async () => {
    const { ours, client } = await openConnection();
    client.resume();
    ours.write('an event');
    await severalLimits();
    expect(ours.destroyed).toBe(false);
  });
});

describe('a connection whose client reads slowly', () => {
  it('stays', async () => {
    const { ours, client } = await openConnection();
    client.on('data', () => client.pause());
    // As everything here writes: no more than there is room for.
    const pour = (): void => {
      while (ours.write(Buffer.alloc(64 * 1024)));
    };
    ours.on('drain', pour);
    pour();
    const sips = setInterval(() => client.resume(), 1);
    await severalLimits();
    expect(ours.writableLength).toBeGreaterThan(0);
    expect(ours.destroyed).toBe(false);
    clearInterval(sips);
  });
});
