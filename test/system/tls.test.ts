import { request as httpsRequest } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { createTestAuthority } from '../support/certificates.ts';
import { createPemFolder } from '../support/pem-folder.ts';
import { startServingWorkers } from '../support/serving-workers.ts';
import { answerWithEcho, startStrictUpstream, type StrictUpstream } from '../support/strict-upstream.ts';

const authority = createTestAuthority();
const files = createPemFolder();
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

afterAll(() => {
  authority.close();
  files.remove();
});

function writeCertificate(): Readonly<Record<string, string>> {
  const { certFile, keyFile } = files.writePair('server', authority.issue('DNS:gatehouse.test'));
  return { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile };
}

async function start(env: Readonly<Record<string, string>>): Promise<AttackedHouse<StrictUpstream>> {
  const house = await startAttackedHouse(await startStrictUpstream(), { ...writeCertificate(), ...env });
  house.upstream.answer = answerWithEcho;
  closers.push(() => house.close());
  return house;
}

interface SecureConnection {
  readonly socket: TLSSocket;
  /** Resolves once what was received matches. */
  until(pattern: RegExp): Promise<string>;
  readonly closed: Promise<string>;
}

/** Resolves when the handshake is through, and rejects when it fails. */
async function open(port: number, options: ConnectionOptions = {}): Promise<SecureConnection> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: authority.cert,
    servername: 'gatehouse.test',
    ...options,
  });
  closers.push(() => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('secureConnect', resolve);
  });
  socket.on('error', () => undefined);
  let text = '';
  let wake = (): void => undefined;
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
    wake();
  });
  const closed = new Promise<string>((resolve) => {
    socket.on('close', () => {
      resolve(text);
      wake();
    });
  });
  return {
    socket,
    closed,
    async until(pattern) {
      while (!pattern.test(text)) {
        if (socket.closed) throw new Error(`closed after ${text}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return text;
    },
  };
}

describe.each(lanes)('the public listener with a certificate, on the %s', (_lane, lane) => {
  const call = (house: AttackedHouse<unknown>, body: string, lines = ''): string =>
    `POST /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${house.issue()}\r\n${lines}` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;

  it('answers calls and pages over one connection, and over TLS 1.2 as well', async () => {
    const house = await start(lane);
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const raw = await open(house.port, { maxVersion, ALPNProtocols: ['h2', 'http/1.1'] });
      expect([raw.socket.getProtocol(), raw.socket.alpnProtocol]).toEqual([maxVersion, 'http/1.1']);
      for (const id of [1, 2, 3]) {
        raw.socket.write(call(house, `{"id":${id}}`));
        await raw.until(new RegExp(`\\\\"id\\\\":${id}\\}"\\}$`));
      }
      // Handed from one lane to the other.
      raw.socket.write('GET /healthz HTTP/1.1\r\nHost: gatehouse.test\r\n\r\n');
      await raw.until(/(?:HTTP\/1\.1 200 [^]*){4}\r\n\r\n/);
      raw.socket.write(call(house, '{"id":4}', 'Connection: close\r\n'));
      const text = await raw.closed;
      expect(text).toMatch(/\\"id\\":4\}"\}$/);
      expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(5);
    }
    expect(house.internalErrors()).toEqual([]);
  });

  it('takes large bodies, and a head that comes byte by byte', async () => {
    const house = await start(lane);
    const raw = await open(house.port);
    for (const byte of call(house, '{"slow":1}')) {
      raw.socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await raw.until(/\\"slow\\":1\}"\}$/);
    raw.socket.write(call(house, 'x'.repeat(3_000_000), 'Connection: close\r\n'));
    expect((await raw.closed).length).toBeGreaterThan(3_000_000);
    expect(house.upstream.complaints).toEqual([]);
  });

  it.each([
    ['an absolute target', 'GET http://evil.test/mcp HTTP/1.1\r\nHost: gatehouse.test\r\n\r\n', 400],
    ['a target with two slashes', 'GET //mcp HTTP/1.1\r\nHost: gatehouse.test\r\n\r\n', 400],
    ['CONNECT', 'CONNECT evil.test:443 HTTP/1.1\r\nHost: gatehouse.test\r\n\r\n', 405],
    ['too many lines', `GET /mcp HTTP/1.1\r\nHost: gatehouse.test\r\n${'X-A: b\r\n'.repeat(101)}\r\n`, 431],
    ['bytes that are no HTTP', 'hello\r\n\r\n', 400],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ])('refuses %s as it does without', async (_what, bytes, status) => {
    const house = await start(lane);
    const raw = await open(house.port);
    raw.socket.write(bytes);
    expect(await raw.closed).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(house.upstream.received.join('')).toBe('');
    expect(house.events).toMatchObject([{ type: 'request_refused', status }]);
  });

  it.each([
    ['who offers HTTP/2 alone', { ALPNProtocols: ['h2'] }],
    [
      'who speaks nothing above TLS 1.1',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' },
    ],
    ['whose keys are not forgotten', { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA:AES128-GCM-SHA256' }],
  ] as const)('shakes no hands with one %s', async (_what, options) => {
    const house = await start(lane);
    await expect(open(house.port, options as ConnectionOptions)).rejects.toThrow(/alert|closed|reset/i);
    expect(house.upstream.received.join('')).toBe('');
  });

  it('says nothing in the clear to one who speaks in the clear', async () => {
    const house = await start(lane);
    const raw = house.connect();
    raw.socket.write(call(house, '{}'));
    await raw.closed;
    expect(raw.received()).not.toContain('HTTP/1');
    expect(house.upstream.received.join('')).toBe('');
    expect(house.internalErrors()).toEqual([]);
  });

  it('shows a new certificate from the next connection on, and cuts none that is there', async () => {
    const house = await start(lane);
    const serialOf = ({ socket }: SecureConnection) => socket.getPeerCertificate().serialNumber;
    const before = await open(house.port);
    before.socket.write(call(house, '{"id":1}'));
    await before.until(/\\"id\\":1\}"\}$/);
    writeCertificate();
    await house.gateway.reload();
    const after = await open(house.port);
    expect(serialOf(after)).not.toBe(serialOf(before));
    files.write('server.key', 'no key');
    await house.gateway.reload();
    expect(serialOf(await open(house.port))).toBe(serialOf(after));
    before.socket.write(call(house, '{"id":2}'));
    await before.until(/\\"id\\":2\}"\}$/);
    expect(house.events).toContainEqual({ type: 'certificate_reloaded', use: 'listener' });
    const refused = { type: 'certificate_reload_refused', use: 'listener', file: 'key', fault: 'malformed' };
    expect(house.events).toContainEqual(refused);
    expect(house.logged()).toContain('"msg":"certificate_reload_refused"');
  });

  it('finds a new certificate by itself', async () => {
    const house = await start(lane);
    const first = (await open(house.port)).socket.getPeerCertificate().serialNumber;
    await new Promise((resolve) => setTimeout(resolve, 50));
    writeCertificate();
    await expect
      .poll(async () => (await open(house.port)).socket.getPeerCertificate().serialNumber, {
        timeout: 10_000,
        interval: 200,
      })
      .not.toBe(first);
  });

  it('shows on /metrics when its certificate expires', async () => {
    const house = await start(lane);
    const { metricsPort } = await house.listen();
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const [, seconds] =
      /^gatehouse_tls_certificate_expires_timestamp_seconds\{use="listener"\} (\S+)$/m.exec(text) ?? [];
    const [{ socket }] = [await open(house.port)];
    expect(Number(seconds)).toBe(Date.parse(socket.getPeerCertificate().valid_to) / 1000);
  });

  it('counts a connection for as long as it is there, however it ends', async () => {
    const house = await start(lane);
    const { metricsPort } = await house.listen();
    const count = async (): Promise<string | undefined> => {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      return /^gatehouse_connections_open (\d+)$/m.exec(text)?.[1];
    };
    const [ended, cut, last] = [await open(house.port), await open(house.port), await open(house.port)];
    const plain = house.connect();
    plain.socket.write('hello');
    await plain.closed;
    expect(await count()).toBe('3');
    ended.socket.end();
    cut.socket.destroy();
    last.socket.write(call(house, '{}', 'Connection: close\r\n'));
    await last.closed;
    await expect.poll(count).toBe('0');
  });

  it('lets go of a call whose client breaks the encryption', async () => {
    const house = await start(lane);
    house.upstream.answer = () => new Promise(() => undefined);
    const wire = connectTcp(house.port, '127.0.0.1').on('error', () => undefined);
    closers.push(() => wire.destroy());
    const closed = new Promise((resolve) => wire.on('close', resolve));
    const raw = await open(house.port, { socket: wire });
    raw.socket.write(call(house, '{}'));
    await expect.poll(() => house.upstream.requests.length).toBe(1);
    wire.write('no record of theirs');
    await closed;
    await expect.poll(() => house.upstream.openConnections).toBe(0);
    expect(house.internalErrors()).toEqual([]);
  });

  it('ends a connection that never begins its handshake with the rest', async () => {
    const house = await start(lane);
    const silent = connectTcp(house.port, '127.0.0.1').on('error', () => undefined);
    closers.push(() => silent.destroy());
    const closed = new Promise((resolve) => silent.on('close', resolve));
    const raw = await open(house.port);
    raw.socket.write(call(house, '{"id":1}'));
    await raw.until(/\\"id\\":1\}"\}$/);
    await house.gateway.close(0);
    await Promise.all([raw.closed, closed]);
  });
});

describe('several workers with a certificate', () => {
  it('show the new one, all of them, after SIGHUP', async () => {
    const { certFile, keyFile } = files.writePair('crew', authority.issue('DNS:gatehouse.test'));
    const crew = await startServingWorkers({
      workers: 2,
      env: { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile },
    });
    closers.push(() => crew.close());
    const [host = '', port = ''] = ((await crew.line('listening')).address ?? '').split(':');
    const ask = (): Promise<{ readonly status: number | undefined; readonly serial: string }> =>
      new Promise((resolve, reject) => {
        const options = { host, port, path: '/healthz', ca: authority.cert, servername: 'gatehouse.test' };
        const asked = httpsRequest({ ...options, agent: false }, (response) => {
          const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
          response.resume().on('end', () => resolve({ status: response.statusCode, serial }));
        });
        asked.once('error', reject).end();
      });
    const { status, serial: first } = await ask();
    expect(status).toBe(200);
    files.writePair('crew', authority.issue('DNS:gatehouse.test'));
    crew.child.kill('SIGHUP');
    await crew.line('certificate_reloaded', 2);
    for (const number of [1, 2]) {
      expect((await crew.at(number, ask)).serial).not.toBe(first);
    }
    expect(await crew.metric('gatehouse_certificate_reloads_total')).toBeGreaterThanOrEqual(2);
  });
});
