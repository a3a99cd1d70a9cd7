import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, it } from 'vitest';

import { freePort } from '../support/free-port.ts';
import { startTap } from './tap.ts';

describe('the tap', () => {
  it('hears requests and statuses on a connection that is used again, and changes nothing', async () => {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => response.writeHead(body === '' ? 404 : 200).end(`${request.url}: ${body}`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = await freePort();
    const tap = await startTap(port, (server.address() as AddressInfo).port);
    const url = `http://127.0.0.1:${port}/token?from=test`;
    const first = await fetch(url, { method: 'POST', body: 'grant_type=x' });
    expect(await first.text()).toBe('/token?from=test: grant_type=x');
    await (await fetch(url)).text();
    await tap.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const heard = tap.requests.map(({ method, url: { pathname, search }, body, status }) => ({
      method,
      target: pathname + search,
      body,
      status,
    }));
    expect(heard).toEqual([
      { method: 'POST', target: '/token?from=test', body: 'grant_type=x', status: 200 },
      { method: 'GET', target: '/token?from=test', body: '', status: 404 },
    ]);
  });
});
