import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { systemClock } from '../../src/platform/clock.ts';
import { openSqliteStore } from '../../src/platform/store/sqlite-store.ts';
import type { GrantTerms } from '../../src/services/tokens/grant-terms.ts';
import { createRevocations } from '../../src/services/tokens/revocations.ts';
import { refresh, signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { openStream, startStreamingUpstream } from '../support/streaming-upstream.ts';
import { runStep, type Transcript } from './run-script.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A server on a SQLite file, and the command line beside it. The clock is the machine's: both have to read one. */
async function openBeside() {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-operator-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const upstream = await startStreamingUpstream();
  closers.push(() => upstream.close());
  const clock = new FakeClock(systemClock.nowMilliseconds());
  const store = openSqliteStore({ path: join(folder, 'store.sqlite'), synchronous: 'NORMAL', clock });
  const gatehouse = await createTestGatehouse({ clock, store, upstream: upstream.url });
  closers.push(() => gatehouse.close());
  const run = (...words: string[]): Promise<Transcript> =>
    runStep(
      {
        arguments: words,
        env: {
          PROD_MODE: 'false',
          PROXY_BASE_URL: gatehouse.publicUrl,
          UPSTREAM_MCP_URL: upstream.url,
          OIDC_ISSUER_URL: gatehouse.identityProvider.issuer,
          OIDC_CLIENT_ID: 'gatehouse',
          OIDC_CLIENT_SECRET: 'secret',
          TOKEN_SIGNING_SECRET: 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret',
          STORE_PATH: 'store.sqlite',
        },
        expected: { out: [], err: [], exit: 0 },
      },
      folder,
    );
  return { gatehouse, upstream, run };
}

function grantsOf(gatehouse: TestGatehouse): readonly string[] {
  return gatehouse.events.flatMap((event) => (event.type === 'tokens_issued' ? [event.grant] : []));
}

describe('the command line, where a mount accepts tokens of another issuer', () => {
  it('stops a subject at the identity provider and at that issuer', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-operator-'));
    closers.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'store.sqlite');
    const store = openSqliteStore({ path, synchronous: 'NORMAL', clock: systemClock });
    closers.push(() => store.close());
    const accepts = { jwt: { issuer: 'https://other.test' } };
    const upstream = 'http://127.0.0.1:9/mcp';
    const mounts = [{ name: 'notes', url: '/notes', upstream, accepts }];
    writeFileSync(join(folder, 'gatehouse.yaml'), JSON.stringify({ mounts }));
    const env = {
      PROD_MODE: 'false',
      PROXY_BASE_URL: 'https://gatehouse.test',
      GATEHOUSE_CONFIG: 'gatehouse.yaml',
      OIDC_ISSUER_URL: 'https://login.test',
      OIDC_CLIENT_ID: 'gatehouse',
      OIDC_CLIENT_SECRET: 'secret',
      TOKEN_SIGNING_SECRET: 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret',
      STORE_PATH: 'store.sqlite',
    };
    const words = ['grants', 'revoke', '--subject', 'alice'];
    const expected = { out: [], err: [], exit: 0 };
    const said = await runStep({ arguments: words, env, expected }, folder);
    expect(said.exit).toBe(0);

    const revocations = createRevocations({ store, clock: systemClock, onError: () => undefined });
    await revocations.refresh();
    const grant = {
      grantId: 'x',
      client: 'c' as GrantTerms['client'],
      grantedAt: systemClock.nowSeconds() - 60,
    };
    const isStopped = (identityIssuer: string, subject = 'alice'): boolean =>
      revocations.judge({ ...grant, identityIssuer, subject });
    expect(isStopped('https://login.test')).toBe(true);
    expect(isStopped('https://other.test')).toBe(true);
    expect(isStopped('https://third.test')).toBe(false);
    expect(isStopped('https://other.test', 'bob')).toBe(false);
    revocations.close();
  });
});

describe('the command line beside a running server', () => {
  it.each(['--subject', '--client', '--grant', '--everything'])(
    'revoke %s ends streams and tokens of a server that was not told',
    async (option) => {
      const { gatehouse, upstream, run } = await openBeside();
      const tokens = await signIn(gatehouse);
      const stream = await openStream(gatehouse, tokens.accessToken);
      const values = {
        '--subject': 'alice',
        '--client': tokens.client.clientId,
        '--grant': grantsOf(gatehouse)[0],
      };
      const value = (values as Record<string, string | undefined>)[option];
      const said = await run('grants', 'revoke', option, ...(value === undefined ? [] : [value]));
      expect(said).toEqual({ out: ['revoked; 1 recorded grant ended'], err: [], exit: 0 });
      await stream.ended;
      await expect.poll(() => upstream.openStreams).toBe(0);
      expect((await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken)).status).toBe(400);
    },
  );

  it('prints no token, no generation and no sealed value', async () => {
    const { gatehouse, run } = await openBeside();
    const tokens = await signIn(gatehouse);
    await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken);
    const [grant = ''] = grantsOf(gatehouse);
    const record = JSON.parse((await gatehouse.store.get(`grant:${grant}`)) ?? '') as Record<string, unknown>;
    const said: string[] = [];
    for (const words of [['list'], ['list', '--json'], ['show', grant], ['show', grant, '--json']]) {
      said.push(...(await run('grants', ...words)).out);
    }
    const text = said.join('\n');
    expect(text).toContain('alice');
    expect(text).not.toContain('mgh_');
    expect(text).not.toContain(String(record['current']));
  });

  it('denies and allows a client while the server runs', async () => {
    const { gatehouse, run } = await openBeside();
    const { client, refreshToken } = await signIn(gatehouse);
    const statusOf = async (): Promise<number> =>
      (await refresh(gatehouse, client.clientId, refreshToken)).status;
    expect((await run('clients', 'deny', client.clientId)).out).toEqual(['denied; 1 recorded grant ended']);
    await expect.poll(statusOf, { timeout: 10_000 }).toBe(401);
    expect((await run('clients', 'allow', client.clientId)).exit).toBe(0);
    await expect.poll(statusOf, { timeout: 10_000 }).toBe(400);
    gatehouse.clock.advance(10);
    await signIn(gatehouse, { client });
  });
});
