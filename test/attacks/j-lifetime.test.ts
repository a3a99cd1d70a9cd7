import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { fingerprintClientId } from '../../src/services/clients/client.ts';
import { createDeniedClients } from '../../src/services/clients/denied-clients.ts';
import { personKey } from '../../src/services/tokens/cut-off.ts';
import { createRevocations } from '../../src/services/tokens/revocations.ts';
import { callMount } from '../support/answering-upstream.ts';
import { lanes } from '../support/attacked-house.ts';
import { authorizeUrl, postForm, refresh, signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';
import { openStream, startStreamingUpstream, type StreamingUpstream } from '../support/streaming-upstream.ts';

describe.each(lanes)('attack 151: a token outlives what it stands on, on the %s', (_lane, lane) => {
  let upstream: RecordingUpstream;
  const closers: (() => Promise<void> | void)[] = [];

  beforeEach(async () => {
    upstream = await startRecordingUpstream();
    closers.push(() => upstream.close());
  });

  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  async function open(options: TestGatehouseOptions): Promise<TestGatehouse> {
    const gatehouse = await createTestGatehouse({
      ...options,
      env: { ...lane, ...options.env },
      upstream: `${upstream.origin}/mcp`,
    });
    closers.push(() => gatehouse.close());
    return gatehouse;
  }

  /** Both are taken before, and the upstream hears no more of one and still of the other. */
  async function expectOneEnds(
    [ended, lasting]: readonly [TestGatehouse, TestGatehouse],
    [gone, kept]: readonly [string, string],
    end: () => Promise<unknown>,
  ): Promise<void> {
    upstream.answer = replyJson({});
    expect((await callMount(ended, gone)).status).toBe(200);
    await end();
    expect((await callMount(ended, gone)).status).toBe(401);
    const heard = upstream.requests.length;
    expect((await callMount(lasting, kept)).status).toBe(200);
    expect(upstream.requests.length).toBe(heard + 1);
  }

  it('151: the person is cut off', async () => {
    const gatehouse = await open({});
    const alice = await signIn(gatehouse);
    gatehouse.identityProvider.person = { ...gatehouse.identityProvider.person, subject: 'bob' };
    const bob = await signIn(gatehouse);
    const { store, clock } = gatehouse;
    const operator = createRevocations({ store, clock, onError: () => {} });
    closers.push(() => operator.close());
    const key = personKey(gatehouse.identityProvider.issuer, 'alice');
    await expectOneEnds([gatehouse, gatehouse], [alice.accessToken, bob.accessToken], () =>
      operator.cutOff({ kind: 'subject', key, before: clock.nowSeconds() + 1 }),
    );
  });

  it('151: the client is denied', async () => {
    const gatehouse = await open({});
    const [gone, kept] = [await signIn(gatehouse), await signIn(gatehouse)];
    const { store, clock } = gatehouse;
    const deps = { store, clock, onError: () => {} };
    const operator = { denied: createDeniedClients({ ...deps, registrationTtlSeconds: undefined }) };
    const revocations = createRevocations(deps);
    closers.push(() => operator.denied.close());
    closers.push(() => revocations.close());
    const client = fingerprintClientId(gone.client.clientId);
    await expectOneEnds([gatehouse, gatehouse], [gone.accessToken, kept.accessToken], async () => {
      await operator.denied.deny(client, 'operator');
      await revocations.cutOff({ kind: 'client', key: client, before: clock.nowSeconds() + 1 });
    });
    const refused = await refresh(gatehouse, gone.client.clientId, gone.refreshToken);
    expect([refused.status, await refused.json()]).toMatchObject([401, { error: 'invalid_client' }]);
    expect((await gatehouse.fetch(authorizeUrl(gatehouse, gone.client))).status).toBe(400);
    await operator.denied.allow(client);
    gatehouse.clock.advance(2);
    expect((await callMount(gatehouse, gone.accessToken)).status).toBe(401);
    await expect
      .poll(async () => (await gatehouse.fetch(authorizeUrl(gatehouse, gone.client))).status)
      .toBe(200);
  });

  it('151: the sealing secret is taken away', async () => {
    const [oldSecret, newSecret] = [
      'an-old-secret-of-the-test-0123456789',
      'a-new-secret-of-the-test-0123456789',
    ];
    const before = await open({ env: { TOKEN_SIGNING_SECRET: oldSecret } });
    const tokens = await signIn(before);
    const shared = { clock: before.clock, store: { ...before.store, close: () => Promise.resolve() } };
    const rotated = await open({
      ...shared,
      env: { TOKEN_SIGNING_SECRET: newSecret, TOKEN_SIGNING_SECRETS_PREVIOUS: oldSecret },
    });
    expect((await callMount(rotated, tokens.accessToken)).status).toBe(200);
    const retired = await open({ ...shared, env: { TOKEN_SIGNING_SECRET: newSecret } });
    expect((await callMount(retired, tokens.accessToken)).status).toBe(401);
    expect((await refresh(retired, tokens.client.clientId, tokens.refreshToken)).status).toBe(401);
  });
});

describe.each(lanes)(
  'attack 152: access is checked once, and the stream lives for days, on the %s',
  (_lane, lane) => {
    let upstream: StreamingUpstream;
    let gatehouse: TestGatehouse;

    beforeEach(async () => {
      upstream = await startStreamingUpstream();
      gatehouse = await createTestGatehouse({ upstream: upstream.url, env: lane });
    });

    afterEach(async () => {
      await gatehouse.close();
      await upstream.close();
    });

    it('152: it ends, at the upstream too, when its client gives the token back', async () => {
      const [gone, kept] = [await signIn(gatehouse), await signIn(gatehouse)];
      const stream = await openStream(gatehouse, gone.accessToken);
      await openStream(gatehouse, kept.accessToken);
      const form = { token: gone.refreshToken, client_id: gone.client.clientId };
      expect((await postForm(gatehouse, '/revoke', form)).status).toBe(200);
      await stream.ended;
      await expect.poll(() => upstream.openStreams).toBe(1);
      const { metricsPort } = await gatehouse.listen();
      const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      expect(metrics).toContain('gatehouse_revocation_to_last_byte_seconds_count 1\n');
    });

    it('152: it ends when its token does', async () => {
      const tokens = await signIn(gatehouse);
      const stream = await openStream(gatehouse, tokens.accessToken);
      gatehouse.clock.advance(3600);
      await stream.ended;
      await expect.poll(() => upstream.openStreams).toBe(0);
    });
  },
);
