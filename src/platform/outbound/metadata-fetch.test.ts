import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { createMetadataFetch, type MetadataFetch } from './metadata-fetch.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

function open(dial: (address: string, port: number) => Socket, totalTimeoutMs = 5_000): MetadataFetch {
  return createMetadataFetch({ network: { dial }, totalTimeoutMs, maxBytes: 100, userAgent: 'test' });
}

async function serve(body: string): Promise<number> {
  const server = createServer((request, response) => {
    response.end(`${request.headers.host ?? ''} ${request.url ?? ''} ${body}`);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('createMetadataFetch', () => {
  it('asks at one address, on a connection of its own each time', async () => {
    const port = await serve('yes');
    const dialled: string[] = [];
    const fetch = open((address, at) => {
      dialled.push(`${address}:${at}`);
      return connect(port, '127.0.0.1');
    });
    const answers = [await fetch('/one?a=b', {}), await fetch('/two', {})];
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual([
      '169.254.169.254 /one?a=b yes',
      '169.254.169.254 /two yes',
    ]);
    expect(dialled).toEqual(['169.254.169.254:80', '169.254.169.254:80']);
  });

  it('gives up on a network that says nothing, and lets go of the socket', async () => {
    const silent = new Socket();
    await expect(open(() => silent, 50)('/', {})).rejects.toMatchObject({ kind: 'timeout' });
    await expect.poll(() => silent.destroyed).toBe(true);
  });

  it('says when nobody listens, and when there is too much', async () => {
    const refused = open(() => connect(1, '127.0.0.1'));
    await expect(refused('/', {})).rejects.toMatchObject({ kind: 'network' });
    const port = await serve('x'.repeat(200));
    const full = open(() => connect(port, '127.0.0.1'));
    await expect(full('/', {})).rejects.toMatchObject({ kind: 'too-large' });
  });
});
