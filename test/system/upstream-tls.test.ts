import { spawnSync } from 'node:child_process';
import type { TLSSocket, TlsOptions } from 'node:tls';

import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { createTestAuthority } from '../support/certificates.ts';
import { soundEnvironment } from '../support/configuration.ts';
import { createPemFolder } from '../support/pem-folder.ts';
import { ScriptedUpstream } from '../support/scripted-upstream.ts';

const authority = createTestAuthority();
const stranger = createTestAuthority();
const files = createPemFolder();
const server = authority.issue('IP:127.0.0.1');
const ca = files.write('ca.crt', authority.cert);
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

afterAll(() => {
  authority.close();
  stranger.close();
  files.remove();
});

interface Shown {
  readonly name: string | undefined;
  readonly isReused: boolean;
}

interface SecureHouse {
  readonly house: AttackedHouse<{ readonly origin: string; close(): Promise<void> }>;
  readonly upstream: ScriptedUpstream;
  /** What each request came with. */
  readonly shown: Shown[];
}

async function start(tls: TlsOptions, env: Readonly<Record<string, string>>): Promise<SecureHouse> {
  const shown: Shown[] = [];
  const upstream = await ScriptedUpstream.listen(
    (peer) => {
      const socket = peer.socket as TLSSocket;
      shown.push({ name: socket.getPeerCertificate().subjectaltname, isReused: socket.isSessionReused() });
      peer.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
    },
    { tls },
  );
  const { origin } = upstream.origin;
  const house = await startAttackedHouse({ origin, close: () => upstream.close() }, env);
  closers.push(() => house.close());
  return { house, upstream, shown };
}

describe.each(lanes)('an https upstream, on the %s', (_lane, lane) => {
  it('is called when its certificate is of an authority in UPSTREAM_CA_FILE', async () => {
    const { house } = await start(server, { ...lane, UPSTREAM_CA_FILE: ca });
    const answer = await house.call({ body: '{}' });
    expect([answer.status, await answer.text()]).toEqual([200, 'ok']);
  });

  it.each([
    ['of an authority that nobody knows', server, {}],
    ['of another authority', stranger.issue('IP:127.0.0.1'), { UPSTREAM_CA_FILE: ca }],
    ['of another name', authority.issue('DNS:mcp.internal'), { UPSTREAM_CA_FILE: ca }],
  ])('hears nothing when its certificate is %s', async (_what, tls, env) => {
    const { house, upstream } = await start(tls, { ...lane, ...env });
    const answer = await house.call({ body: '{"canary":1}' });
    expect([answer.status, (await answer.json())['error']]).toEqual([502, 'bad_gateway']);
    expect(house.events).toContainEqual({ type: 'upstream_failed', kind: 'untrusted' });
    expect(house.events).toContainEqual(
      expect.objectContaining({ type: 'request_refused', reason: 'upstream_untrusted', status: 502 }),
    );
    expect(upstream.connections.map(({ received }) => received).join('')).toBe('');
  });

  it('that asks for a certificate gets the one of UPSTREAM_CLIENT_CERT_FILE, and a new one after a reload', async () => {
    const tls = { ...server, requestCert: true, ca: [authority.cert] };
    const first = files.writePair('client', authority.issue('DNS:first.example'));
    const env = {
      ...lane,
      UPSTREAM_CA_FILE: ca,
      UPSTREAM_CLIENT_CERT_FILE: first.certFile,
      UPSTREAM_CLIENT_KEY_FILE: first.keyFile,
    };
    const { house, shown } = await start(tls, env);
    expect((await house.call({ body: '{}' })).status).toBe(200);
    files.writePair('client', authority.issue('DNS:second.example'));
    await house.gateway.reload();
    expect((await house.call({ body: '{}' })).status).toBe(200);
    files.write('client.key', 'no key');
    await house.gateway.reload();
    expect((await house.call({ body: '{}' })).status).toBe(200);
    expect(shown.map(({ name }) => name)).toEqual([
      'DNS:first.example',
      'DNS:second.example',
      'DNS:second.example',
    ]);
    expect(house.events).toContainEqual({ type: 'certificate_reloaded', use: 'upstream' });
    expect(house.events).toContainEqual({
      type: 'certificate_reload_refused',
      use: 'upstream',
      file: 'key',
      fault: 'malformed',
    });
  });

  it('that asks for a certificate hears nothing from a gatehouse that has none', async () => {
    const tls = { ...server, requestCert: true, ca: [authority.cert] };
    const { house, shown } = await start(tls, { ...lane, UPSTREAM_CA_FILE: ca });
    expect((await house.call({ body: '{}' })).status).toBe(502);
    expect(shown).toEqual([]);
  });
});

describe('gatehouse check-config', () => {
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
  const pair = files.writePair('pair', authority.issue('DNS:first.example'));
  const other = files.writePair('other', authority.issue('DNS:first.example'));

  it.each([
    [{ TLS_CERT_FILE: pair.certFile, TLS_KEY_FILE: other.keyFile }, /TLS_KEY_FILE names a file that is not/],
    [{ TLS_CERT_FILE: pair.keyFile, TLS_KEY_FILE: pair.keyFile }, /TLS_CERT_FILE names a file that has no/],
    [{ UPSTREAM_CA_FILE: files.path('none') }, /UPSTREAM_CA_FILE names a file that is not there/],
    [
      { UPSTREAM_CLIENT_CERT_FILE: pair.certFile, UPSTREAM_CLIENT_KEY_FILE: ca },
      /UPSTREAM_CLIENT_KEY_FILE names a file that has no private key/,
    ],
  ])('looks into the files: %o', (env, complaint) => {
    const { status, stderr } = spawnSync(process.execPath, [main, 'check-config'], {
      env: { ...soundEnvironment, UPSTREAM_MCP_URL: 'https://mcp.internal/mcp', ...env },
      encoding: 'utf8',
    });
    expect(stderr).toMatch(complaint);
    expect(stderr).toMatch(/^hint: /m);
    expect(status).not.toBe(0);
  });
});
