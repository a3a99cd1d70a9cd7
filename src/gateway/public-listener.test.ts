import { afterEach, describe, expect, it } from 'vitest';

import { createTestGatehouse } from '../../test/support/gatehouse.ts';
import { createInFlight } from './in-flight.ts';
import { bind } from './lifecycle.ts';
import { createPublicListener } from './public-listener.ts';

const closers: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A listener whose rooms never come. */
async function startEarly(): Promise<string> {
  const { server, closeAll } = createPublicListener({
    issuer: 'https://gatehouse.test',
    certificate: undefined,
    connections: { perAddress: 0, total: undefined, isExempt: () => false, onRefused: () => {} },
    fastLane: true,
    aliveProbeMs: 30_000,
    inFlight: createInFlight(),
    isDraining: () => false,
    findRequests: () => undefined,
    awaitRequests: () => new Promise(() => {}),
  });
  closers.push(() => {
    server.close();
    closeAll();
  });
  return `http://127.0.0.1:${await bind(server, { host: '127.0.0.1', port: 0 })}`;
}

async function probe(origin: string): Promise<{ readonly status: number; readonly headers: string[][] }> {
  const response = await fetch(`${origin}/healthz`);
  // Those that tell one answer from another.
  const headers = [...response.headers].filter(([name]) => !['date', 'x-request-id'].includes(name));
  return { status: response.status, headers };
}

describe('the public listener before its rooms are there', () => {
  it('answers a liveness probe with the headers that it has later', async () => {
    const gatehouse = await createTestGatehouse();
    closers.push(() => gatehouse.close());
    const late = await probe((await gatehouse.listen()).url);
    expect(late.headers).toContainEqual(['x-content-type-options', 'nosniff']);
    expect(await probe(await startEarly())).toEqual(late);
  });
});
