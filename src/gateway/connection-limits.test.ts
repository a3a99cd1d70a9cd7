import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { createNetworkMatch } from '../platform/http/client-address.ts';
import { type ConnectionLimitsDeps, findTotalCap, limitConnections } from './connection-limits.ts';
import { bind } from './lifecycle.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string | undefined;
  destroyed = false;

  constructor(remoteAddress: string | undefined) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function limit(changes: Partial<ConnectionLimitsDeps> = {}) {
  const onRefused = vi.fn();
  const deps = { perAddress: 2, total: undefined, isExempt: () => false, onRefused, ...changes };
  const limits = limitConnections(createServer(), deps);
  const come = (address?: string) => {
    const socket = new FakeSocket(address);
    return { socket, isAdmitted: limits.admit(socket as unknown as Socket) };
  };
  return { limits, onRefused, come };
}

describe('connections of one address', () => {
  it('are closed past the limit, and taken again when one of the others has ended', () => {
    const { limits, onRefused, come } = limit();
    const first = come('192.0.2.1');
    expect([first.isAdmitted, come('192.0.2.1').isAdmitted]).toEqual([true, true]);
    const third = come('192.0.2.1');
    expect([third.isAdmitted, third.socket.destroyed]).toEqual([false, true]);
    expect(onRefused.mock.calls).toEqual([['address']]);
    expect(come('192.0.2.2').isAdmitted).toBe(true);
    expect(limits.open).toBe(3);
    first.socket.destroy();
    expect([limits.open, come('192.0.2.1').isAdmitted]).toEqual([3 - 1, true]);
  });

  it.each([
    ['2001:db8::1', '2001:db8::2', '2001:db8::ffff:1'],
    ['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1'],
  ])('count together however they are written: %s, %s, %s', (...addresses) => {
    const { come } = limit();
    expect(addresses.map((address) => come(address).isAdmitted)).toEqual([true, true, false]);
  });

  it('are not counted for proxies of ours', () => {
    const isExempt = createNetworkMatch(['10.0.0.0/8', '::1/128']);
    const { come } = limit({ isExempt });
    for (const address of ['10.0.0.7', '::ffff:10.0.0.7', '::1']) {
      expect([1, 2, 3, 4].map(() => come(address).isAdmitted)).toEqual([true, true, true, true]);
    }
    expect([1, 2, 3].map(() => come('11.0.0.7').isAdmitted)).toEqual([true, true, false]);
  });

  it('may be any number without a limit', () => {
    const { come, limits } = limit({ perAddress: 0 });
    for (let count = 0; count < 50; count += 1) expect(come('192.0.2.1').isAdmitted).toBe(true);
    limits.closeAll();
    expect(limits.open).toBe(0);
  });
});

describe('connections altogether', () => {
  it('are closed past the limit, and taken again when one of the others has ended', async () => {
    const server = createServer((_, response) => response.end('ok'));
    const onRefused = vi.fn();
    const limits = limitConnections(server, { perAddress: 0, total: 2, isExempt: () => true, onRefused });
    server.prependListener('connection', (socket: Socket) => void limits.admit(socket));
    const port = await bind(server, { host: '127.0.0.1', port: 0 });
    const open = () => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      const closed = new Promise((resolve) => socket.on('close', resolve));
      closers.push(() => socket.destroy());
      return { socket, closed };
    };
    closers.push(() => server.close());
    const first = open();
    open();
    await vi.waitFor(() => expect(limits.open).toBe(2));
    await open().closed;
    expect(onRefused.mock.calls).toEqual([['total']]);
    first.socket.destroy();
    await vi.waitFor(() => expect(limits.open).toBe(1));
    open();
    await vi.waitFor(() => expect(limits.open).toBe(2));
    expect(onRefused).toHaveBeenCalledTimes(1);
  });

  it.each([
    [0, undefined, undefined],
    [500, undefined, 500],
    [0, 1024, 480],
    [100, 1024, 100],
    [5000, 1024, 480],
    [0, 20, 1],
  ])('asked for %s with %s descriptors are %s', (wanted, descriptors, cap) => {
    expect(findTotalCap(wanted, descriptors)).toBe(cap);
  });
});
