import { createServer } from 'node:http';
import { Server as TcpServer } from 'node:net';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { createInFlight } from './in-flight.ts';
import { bind, drain } from './lifecycle.ts';

function setUp() {
  const order: string[] = [];
  const server = createServer();
  vi.spyOn(TcpServer.prototype, 'close').mockImplementationOnce(() => {
    order.push('no new connections');
    return server;
  });
  const listener = { server, closeIdle: vi.fn(), closeAll: () => order.push('cut') };
  const inFlight = createInFlight();
  const parts: number[] = [];
  const endStreams = (part: number): void => {
    if (parts.length === 0) order.push('streams end');
    parts.push(part);
    if (part === 1) inFlight.leave();
  };
  inFlight.enter();
  return { order, parts, rules: { inFlight, endStreams }, listener };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a bound server', () => {
  it('lets more wait to be taken than Node would, for the moment when all streams come back', async () => {
    const server = createServer();
    const listen = vi.spyOn(server, 'listen');
    await bind(server, { host: '127.0.0.1', port: 0 });
    server.close();
    expect(listen.mock.calls[0]?.[0]).toMatchObject({ backlog: 4_096 });
  });
});

describe('a drain', () => {
  it('ends growing parts of the streams that are left, and in a third of its time all', async () => {
    const { parts, rules, listener } = setUp();
    expect(await drain(listener, { ...rules, deadlineSeconds: 3, delaySeconds: 0 })).toBe(0);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts[0]).toBeLessThan(0.2);
    expect(parts.toSorted((a, b) => a - b)).toEqual(parts);
    expect(parts.at(-1)).toBe(1);
  });

  it('begins with the delay', async () => {
    const { order, rules, listener } = setUp();
    const drained = drain(listener, { ...rules, deadlineSeconds: 2, delaySeconds: 1 });
    expect(order).toEqual([]);
    await drained;
    expect(order).toEqual(['no new connections', 'streams end', 'cut']);
  });

  it('leaves idle connections to a proxy in front until the end, when there is a delay', async () => {
    const { order, rules, listener } = setUp();
    await drain(listener, { ...rules, deadlineSeconds: 2, delaySeconds: 1 });
    expect(listener.closeIdle).not.toHaveBeenCalled();
    expect(order.at(-1)).toBe('cut');
  });

  it('closes idle connections at once when there is none', async () => {
    const { rules, listener } = setUp();
    const drained = drain(listener, { ...rules, deadlineSeconds: 1, delaySeconds: 0 });
    expect(listener.closeIdle).toHaveBeenCalled();
    await drained;
  });

  it('waits once more for calls that come over those connections', async () => {
    const { order, rules, listener } = setUp();
    const { inFlight } = rules;
    const drained = drain(listener, { inFlight, endStreams: vi.fn(), deadlineSeconds: 7, delaySeconds: 1 });
    setTimeout(() => inFlight.leave(), 1_100);
    await inFlight.drained();
    inFlight.enter();
    setTimeout(() => {
      order.push('late answer');
      inFlight.leave();
    }, 1_200);
    expect(await drained).toBe(0);
    expect(order.slice(-2)).toEqual(['late answer', 'cut']);
  });

  it('ends all streams at once when there is no time', async () => {
    const { parts, rules, listener } = setUp();
    await drain(listener, { ...rules, deadlineSeconds: 0, delaySeconds: 0 });
    expect(parts).toEqual([1]);
  });
});
