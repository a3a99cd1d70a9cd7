import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { openRedisStore } from '../../src/platform/store/redis-store.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { fingerprintClientId } from '../../src/services/clients/client.ts';
import { createDeniedClients } from '../../src/services/clients/denied-clients.ts';
import { personKey } from '../../src/services/tokens/cut-off.ts';
import { createRevocations } from '../../src/services/tokens/revocations.ts';
import { type AnsweringUpstream, callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeIdentityProvider } from '../support/fake-identity-provider.ts';
import { authorizeUrl, postForm, refresh, signIn, type Tokens } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { eventually, hasRedis, type RedisProcess } from '../support/redis.ts';
import { type RedisDeployment, startStandalone } from '../support/redis-shapes.ts';

describe.runIf(hasRedis)('a gatehouse that starts after Redis lost its memory', () => {
  const clock = new FakeClock();
  const identityProvider = new FakeIdentityProvider();
  let deployment: RedisDeployment;
  let redis: RedisProcess;
  let upstream: AnsweringUpstream;
  let gatehouses: TestGatehouse[];
  let operatorStore: Store;

  const openStore = (): Promise<Store> =>
    openRedisStore({
      connection: deployment.connection,
      keyPrefix: 'mcp-auth-proxy:',
      clock,
      random: systemRandom,
    });

  async function startGatehouse(): Promise<TestGatehouse> {
    const options = { clock, identityProvider, upstream: upstream.url, store: await openStore() };
    const gatehouse = await createTestGatehouse(options);
    gatehouses.push(gatehouse);
    return gatehouse;
  }

  beforeEach(async () => {
    deployment = await startStandalone(['--appendonly', 'no']);
    [redis] = deployment.servers as readonly [RedisProcess];
    upstream = await startAnsweringUpstream();
    gatehouses = [];
    operatorStore = await openStore();
  });
  afterEach(async () => {
    for (const gatehouse of gatehouses) await gatehouse.close();
    await operatorStore.close();
    await upstream.close();
    await deployment.dispose();
  });

  /** As the command line does it: a process of its own that is gone afterwards. */
  async function asOperator(what: { readonly subject?: string; readonly denied?: string }): Promise<void> {
    const deps = { store: operatorStore, clock, onError: () => undefined };
    const revocations = createRevocations(deps);
    const denied = createDeniedClients({ ...deps, registrationTtlSeconds: undefined });
    const { subject } = what;
    const before = clock.nowSeconds() + 1;
    if (subject !== undefined) await revocations.cutOff({ kind: 'subject', key: subject, before });
    if (what.denied !== undefined) await denied.deny(what.denied, 'operator');
    revocations.close();
    denied.close();
  }

  const statusOf = async (gatehouse: TestGatehouse, { accessToken }: Tokens): Promise<number> =>
    (await callMount(gatehouse, accessToken)).status;

  const becomes = (gatehouse: TestGatehouse, tokens: Tokens, status: number): Promise<void> =>
    eventually(async () => expect(await statusOf(gatehouse, tokens)).toBe(status), 10_000);

  const becomesDenied = (gatehouse: TestGatehouse, { client }: Tokens): Promise<void> =>
    eventually(async () => {
      await gatehouse.fetch(authorizeUrl(gatehouse, client));
      const refusal = { type: 'request_refused', reason: 'client_denied' };
      expect(gatehouse.events).toContainEqual(expect.objectContaining(refusal));
    }, 10_000);

  it('refuses what was revoked and denied before a flush', async () => {
    const one = await startGatehouse();
    const other = await startGatehouse();
    clock.advance(2);
    const [revoked, denied, good] = [await signIn(one), await signIn(one), await signIn(one)];
    const form = { token: revoked.refreshToken, client_id: revoked.client.clientId };
    expect((await postForm(one, '/revoke', form)).status).toBe(200);
    await asOperator({ denied: fingerprintClientId(denied.client.clientId) });
    await becomes(other, revoked, 401);
    await becomesDenied(other, denied);
    await one.close();

    await redis.command('FLUSHALL');
    const later = await startGatehouse();
    await becomes(later, revoked, 401);
    await becomesDenied(later, denied);
    expect(await statusOf(later, good)).toBe(200);
    // And the one after that, which finds in the store what there is.
    await other.close();
    const last = await startGatehouse();
    expect([await statusOf(last, revoked), await statusOf(last, good)]).toEqual([401, 200]);
    await becomesDenied(last, denied);
  });

  it('refuses who was cut off after the snapshot that was restored, at calls and at refreshes', async () => {
    const one = await startGatehouse();
    clock.advance(2);
    const person = await signIn(one);
    await redis.command('SAVE');
    const subject = personKey(identityProvider.issuer, identityProvider.person.subject);
    await asOperator({ subject });
    await becomes(one, person, 401);

    await redis.kill();
    await redis.start();
    await eventually(() => redis.command('PING'));
    const later = await eventually(() => startGatehouse());
    await becomes(later, person, 401);
    const answer = await refresh(later, person.client.clientId, person.refreshToken);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
  });
});
