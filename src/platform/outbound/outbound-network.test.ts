import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { createSystemNetwork } from './outbound-network.ts';

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

const types = { a: 1, aaaa: 28 };

/** A name server that knows these records for every name; a type without any is not answered. */
async function startNameServer(records: {
  a?: readonly number[][];
  aaaa?: readonly number[][];
}): Promise<string> {
  const socket = createSocket('udp4');
  open.push(socket);
  socket.on('message', (query, peer) => {
    // Behind the head of twelve bytes: the name, ended by an empty label, its type and its class.
    const typeAt = query.indexOf(0, 12) + 1;
    const type = query.readUInt16BE(typeAt);
    const found = type === types.a ? records.a : records.aaaa;
    if (found === undefined) return;
    const head = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, found.length, 0, 0, 0, 0]);
    query.copy(head, 0, 0, 2);
    const answers = found.map((bytes) =>
      Buffer.from([0xc0, 0x0c, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length, ...bytes]),
    );
    socket.send(Buffer.concat([head, query.subarray(12, typeAt + 4), ...answers]), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return `127.0.0.1:${socket.address().port}`;
}

describe('createSystemNetwork', () => {
  it('finds every address of both families', async () => {
    const server = await startNameServer({
      a: [
        [1, 2, 3, 4],
        [10, 0, 0, 1],
      ],
      aaaa: [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    });
    const network = createSystemNetwork([server]);
    const found = await network.resolve('client.example', AbortSignal.timeout(5_000));
    expect(found.toSorted()).toEqual(['1.2.3.4', '10.0.0.1', '2001:db8::1']);
  });

  it('rejects when a name has no address', async () => {
    const network = createSystemNetwork([await startNameServer({ a: [], aaaa: [] })]);
    await expect(network.resolve('client.example', AbortSignal.timeout(5_000))).rejects.toThrow('no address');
  });

  it('does not wait for a name server beyond the signal', async () => {
    const network = createSystemNetwork([await startNameServer({})]);
    await expect(network.resolve('client.example', AbortSignal.timeout(50))).rejects.toThrow('no address');
  });

  it('dials the very address', async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const socket = createSystemNetwork([]).dial('127.0.0.1', port);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    expect([socket.remoteAddress, socket.remotePort]).toEqual(['127.0.0.1', port]);
    socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
});
