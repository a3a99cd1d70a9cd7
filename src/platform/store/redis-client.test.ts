import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

import { withDeadline } from './redis-client.ts';

/** Answers whatever it is sent, on a thread of its own: it goes on while this one stands still. */
const echo = `
const { parentPort } = require('node:worker_threads');
const server = require('node:net').createServer((socket) => socket.pipe(socket));
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

describe('withDeadline', () => {
  it('takes an answer that came in time, though this process was too busy to look', async () => {
    const worker = new Worker(echo, { eval: true });
    const [port] = (await once(worker, 'message')) as [number];
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const answer = withDeadline(
      once(socket, 'data').then(([bytes]) => String(bytes)),
      50,
    );
    socket.write('PONG');
    await new Promise((resolve) => setImmediate(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);

    expect(await answer).toBe('PONG');
    socket.destroy();
    await worker.terminate();
  });

  it('rejects when no answer comes', async () => {
    await expect(withDeadline(new Promise(() => undefined), 10)).rejects.toThrow('no answer in time');
  });
});
