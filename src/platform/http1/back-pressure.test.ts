import { afterEach, describe, expect, it, vi } from 'vitest';

import { sendTo } from '../../../test/support/recording-sink.ts';
import { type Script, ScriptedUpstream } from '../../../test/support/scripted-upstream.ts';
import { createHttpClient } from './http-client.ts';
import type { HttpClient } from './response-sink.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const size = 16_000_000;
const head = `HTTP/1.1 200 OK\r\nContent-Length: ${String(size)}\r\n\r\n`;

describe('a response to somebody slow', () => {
  it('stays with the upstream until it is asked for', async () => {
    const { client, upstream } = await connectTo((peer) => peer.send(head + 'x'.repeat(size)));
    const { sink, exchange } = sendTo(client);
    sink.goesOn = false;
    for (let reads = 1; reads <= 5; reads += 1) {
      await vi.waitFor(() => expect(count(sink.told, 'read done')).toBe(reads));
      await pause(20);
      // One read for one permission, and what is not read is not held here.
      expect(count(sink.told, 'read done')).toBe(reads);
      expect(sink.body.length).toBeLessThanOrEqual(reads * 65_536);
      expect(upstream.connections[0]?.socket.writableLength).toBeGreaterThan(0);
      exchange.resume();
    }
    sink.goesOn = true;
    exchange.resume();
    await sink.over;
    expect(sink.body).toHaveLength(size);
  });

  it('goes on when the permission comes before the refusal', async () => {
    const { client } = await connectTo((peer) => peer.send(head + 'x'.repeat(size)));
    const { sink, exchange } = sendTo(client);
    sink.goesOn = false;
    sink.onTold = (event) => {
      if (event === 'read done') exchange.resume();
    };
    await sink.over;
    expect(sink.body).toHaveLength(size);
  });

  it('is given up while it stands still', async () => {
    const { client, upstream } = await connectTo((peer) => peer.send(head + 'x'.repeat(size)));
    const { sink, exchange } = sendTo(client);
    sink.goesOn = false;
    await sink.until('read done');
    exchange.abort();
    exchange.resume();
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
    expect(count(sink.told, 'read done')).toBe(1);
  });
});

describe('a request to somebody slow', () => {
  it('is written until there is no room, and on when there is', async () => {
    const { client, upstream } = await connectTo((peer) => peer.socket.pause());
    const { sink, exchange } = sendTo(client, { method: 'POST', body: 'streamed', length: size });
    let written = 0;
    const writeOn = (): void => {
      while (written < size) {
        const hasRoom = exchange.write(Buffer.alloc(64_000));
        written += 64_000;
        if (!hasRoom) return;
      }
      exchange.endBody();
    };
    sink.onTold = (event) => {
      if (event === 'writable') writeOn();
    };
    writeOn();
    // Nothing is there to write to yet.
    expect(written).toBe(64_000);
    await vi.waitFor(() => expect(upstream.connections[0]?.socket.isPaused()).toBe(true));
    await pause(50);
    expect(written).toBeLessThan(size);
    const [peer] = upstream.connections;
    peer?.socket.resume();
    await vi.waitFor(() => expect(peer?.received.length).toBeGreaterThan(size), 10_000);
    peer?.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await sink.over;
    expect(written).toBe(size);
    expect(sink.told.slice(-2)).toEqual(['end', 'read done']);
  });

  it('is not stopped by an early answer, and goes nowhere after it', async () => {
    const { client, upstream } = await connectTo((peer) => {
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly');
    });
    const { sink, exchange } = sendTo(client, { method: 'POST', body: 'streamed', length: 10 });
    exchange.write(Buffer.from('half '));
    await sink.over;
    expect(exchange.write(Buffer.from('rest.'))).toBe(true);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
    expect(sink.body).toBe('early');
    expect(upstream.connections[0]?.received.endsWith('half ')).toBe(true);
  });
});

function count(told: readonly string[], event: string): number {
  return told.filter((one) => one === event).length;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function connectTo(script: Script): Promise<{ client: HttpClient; upstream: ScriptedUpstream }> {
  const upstream = await ScriptedUpstream.listen(script);
  const client = createHttpClient({
    origin: upstream.origin,
    connectTimeoutMs: 5_000,
    headerTimeoutMs: 20_000,
  });
  closers.push(
    () => upstream.close(),
    () => client.close(),
  );
  return { client, upstream };
}
