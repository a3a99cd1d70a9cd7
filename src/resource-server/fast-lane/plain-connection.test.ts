import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Caller } from '../proxy/caller.ts';
import { createHeaderBlock } from '../proxy/header-block.ts';
import { createFastLane, type FastLane } from './fast-lane.ts';

const common = createHeaderBlock([]);
const post = (body: string, line = ''): string =>
  `POST /mcp HTTP/1.1\r\nHost: gatehouse.test\r\n${line}Content-Length: ${body.length}\r\n\r\n${body}`;

describe('a connection of the fast lane', () => {
  let server: Server;
  let lane: FastLane;
  let client: Socket;
  let taken: Socket;
  let received: string;
  const calls: Caller[] = [];
  const closed: Caller[] = [];
  const handedOver: Socket[] = [];
  const early: Socket[] = [];
  let onCall: (caller: Caller) => void;
  let callsUnderWay: number;

  beforeEach(async () => {
    for (const list of [calls, closed, handedOver, early]) list.length = 0;
    callsUnderWay = 0;
    received = '';
    onCall = () => undefined;
    lane = createFastLane({
      answer(caller) {
        calls.push(caller);
        onCall(caller);
        return { onDrain: () => undefined, onClose: () => closed.push(caller) };
      },
      handOver: (socket) => handedOver.push(socket),
      refuseSlow: (socket) => socket.end('HTTP/1.1 408 Request Timeout\r\n\r\n'),
      refuseEarly: (socket) => {
        early.push(socket);
        socket.destroy();
      },
      isDraining: () => false,
      onCall: () => (callsUnderWay += 1),
      onCallOver: () => (callsUnderWay -= 1),
      limits: { headMs: 200, requestMs: 400, keepAliveMs: 60_000, headBytes: 16 * 1024 },
    });
    server = createServer({ allowHalfOpen: true }, (socket) => {
      taken = socket;
      lane.take(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    // It never ends by itself: what its client leaves open is for the lane to close.
    client = connect({
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      allowHalfOpen: true,
    });
    client.on('error', () => undefined);
    await Promise.all([once(client, 'connect'), once(server, 'connection')]);
  });

  afterEach(async () => {
    client.destroy();
    for (const socket of handedOver) socket.destroy();
    lane.closeAll();
    server.close();
    await once(server, 'close');
  });

  function listen(): void {
    client.on('data', (bytes: Buffer) => {
      received += bytes.toString('latin1');
    });
  }

  function answer(caller: Caller, body: string): void {
    caller.writeHead(200, common, [], body.length);
    caller.write(Buffer.from(body), 0, body.length);
    caller.end();
    caller.flush();
  }

  it('keeps what comes early until its turn, and is cut by more than 64 kB of it', async () => {
    listen();
    client.write(post('{}') + post('x'.repeat(60_000)));
    await expect.poll(() => taken.bytesRead).toBeGreaterThan(60_000);
    expect([calls.length, early.length]).toEqual([1, 0]);
    answer(calls[0] as Caller, '{}');
    await expect.poll(() => calls.length).toBe(2);
    answer(calls[1] as Caller, '{}');
    client.write(post('{}'));
    await expect.poll(() => calls.length).toBe(3);
    client.write(post('x'.repeat(70_000)));
    await once(taken, 'close');
    expect([calls.length, early.length, closed.length, callsUnderWay]).toEqual([3, 1, 3, 0]);
  });

  it('hears no request behind the one that asked to close it', async () => {
    listen();
    onCall = (caller) => answer(caller, '{}');
    client.write(post('{"last":1}', 'Connection: close\r\n') + post('{"behind":1}'));
    await once(client, 'end');
    await once(taken, 'close');
    expect(calls).toHaveLength(1);
    expect(handedOver).toEqual([]);
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it('lets go of a call whose body takes too long, and at last of its client', async () => {
    listen();
    client.write(post('{"whole":false}').slice(0, -2));
    await once(client, 'end');
    expect(received).toMatch(/^HTTP\/1\.1 408 /);
    expect(closed).toEqual(calls);
    expect(callsUnderWay).toBe(0);
    await once(taken, 'close');
    expect(callsUnderWay).toBe(0);
  });

  it('has a call under way until its last byte has left, for clients that read slowly', async () => {
    let size = 0;
    onCall = (caller) => {
      caller.writeHead(200, common, [], undefined);
      const piece = Buffer.alloc(10_000, 'x');
      // Less than what makes a flush say that its client is slow.
      while (taken.writableLength === 0) {
        caller.write(piece, 0, piece.length);
        size += piece.length;
        expect(caller.flush()).toBe(true);
      }
      caller.end();
      caller.flush();
    };
    client.pause();
    client.write(post('{}'));
    await expect.poll(() => calls.length).toBe(1);
    expect(taken.writableLength).toBeGreaterThan(0);
    expect(callsUnderWay).toBe(1);
    // As a server does that is about to go, again and again.
    lane.closeIdle();
    listen();
    client.resume();
    await expect.poll(() => received.endsWith('0\r\n\r\n')).toBe(true);
    expect(received.match(/x/g)).toHaveLength(size);
    onCall = (caller) => answer(caller, '{"next":1}');
    client.write(post('{}'));
    await expect.poll(() => received.endsWith('{"next":1}')).toBe(true);
    expect(closed).toEqual(calls);
    expect(callsUnderWay).toBe(0);
  });

  it('begins no call once it was cut', async () => {
    listen();
    onCall = (caller) => {
      caller.discardBody(4);
      answer(caller, '{}');
    };
    client.write(post('{"too":"much"}') + post('{"behind":1}'));
    await once(taken, 'close');
    expect(calls).toHaveLength(1);
    expect(callsUnderWay).toBe(0);
  });
});
