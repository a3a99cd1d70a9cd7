import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { createTestAuthority } from '../../test/support/certificates.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { type RecordingUpstream, startRecordingUpstream } from '../../test/support/recording-upstream.ts';
import type { HttpClient } from '../platform/http1/response-sink.ts';
import type { MountConfig } from './config/config.ts';
import { openFamilyUpstream } from './mount-upstream.ts';

let upstream: RecordingUpstream | undefined;

afterEach(async () => {
  await upstream?.close();
  upstream = undefined;
});

const deps = { config: { tcpKeepAliveSeconds: 30 }, clock: new FakeClock(), emit: () => undefined };

function describeUpstream(origin: string): MountConfig['upstream'] {
  return {
    origin,
    path: '/mcp',
    authorization: undefined,
    connectTimeoutSeconds: 5,
    headerTimeoutSeconds: 5,
    idleTimeoutSeconds: 60,
    tls: { caFile: undefined, certificate: undefined },
    maxBodyBytes: 1000,
  };
}

/** What becomes of a request: its status, or how it failed. */
function ask(client: HttpClient): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>();
  let status: number | string = 'no head';
  const head = 'GET /mcp HTTP/1.1\r\nHost: a\r\n\r\n';
  client.send(
    { method: 'GET', head, body: 'none' },
    {
      onHead: (received) => {
        status = received.status;
      },
      onData: () => undefined,
      onEnd: () => setImmediate(resolve, status),
      onFailure: resolve,
      onReadDone: () => true,
      onWritable: () => undefined,
    },
  );
  return promise;
}

describe('the upstream of a mount at many hosts', () => {
  it('has connections that all labels share where it is one, and none of them closes it', async () => {
    upstream = await startRecordingUpstream();
    const family = openFamilyUpstream(describeUpstream(upstream.origin), deps);
    const [a, b] = [1, 2].map(() => family.openMember(describeUpstream(upstream?.origin ?? '')).client);
    expect(await ask(a!)).toBe(200);
    a!.close();
    expect(await ask(b!)).toBe(200);
    expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 0]);
    family.close();
    expect(await ask(b!)).toBe('reset');
  });

  it('has connections for each label where they are many, opened by the first call and closed apart', async () => {
    upstream = await startRecordingUpstream();
    const family = openFamilyUpstream(describeUpstream('http://{label}.internal'), deps);
    const [a, b] = [1, 2].map(() => family.openMember(describeUpstream(upstream?.origin ?? '')).client);
    expect(upstream.openConnections).toBe(0);
    expect([await ask(a!), await ask(b!)]).toEqual([200, 200]);
    expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 1]);
    a!.close();
    expect([await ask(a!), await ask(b!)]).toEqual(['reset', 200]);
    family.close();
    expect(await ask(b!)).toBe('reset');
  });

  it('is trusted by the authorities of one file, for each label, also when they are others', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'family-upstream-'));
    const [authority, other] = [createTestAuthority(), createTestAuthority()];
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, authority.cert);
    const server = createServer(authority.issue('IP:127.0.0.1'), (_, response) => {
      // So that the next call is another connection.
      response.writeHead(200, { connection: 'close' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const secure = (origin: string): MountConfig['upstream'] => ({
      ...describeUpstream(origin),
      tls: { caFile, certificate: undefined },
    });
    const family = openFamilyUpstream(secure('https://{label}.internal'), deps);
    const open = (): HttpClient => family.openMember(secure(`https://127.0.0.1:${port}`)).client;
    const [a, b] = [open(), open()];

    expect([await ask(a), await ask(b)]).toEqual([200, 200]);
    writeFileSync(caFile, other.cert);
    family.tls?.reload();
    expect([await ask(a), await ask(b), await ask(open())]).toEqual(['untrusted', 'untrusted', 'untrusted']);
    family.close();
    server.close();
    for (const each of [authority, other]) each.close();
    rmSync(folder, { recursive: true });
  });
});
