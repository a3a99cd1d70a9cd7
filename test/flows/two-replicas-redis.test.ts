import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { openRedisStore } from '../../src/platform/store/redis-store.ts';
import { type AnsweringUpstream, callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { visitAccount } from '../support/account.ts';
import { Browser } from '../support/browser.ts';
import {
  authorizeUrl,
  decide,
  obtainCode,
  readForm,
  redeem,
  refresh,
  registerClient,
  signIn,
} from '../support/flow.ts';
import { createGatehousePair, type GatehousePair } from '../support/gatehouse-pair.ts';
import type { TestGatehouse } from '../support/gatehouse.ts';
import { eventually, hasRedis, type RedisProcess } from '../support/redis.ts';
import { type RedisDeployment, startStandalone } from '../support/redis-shapes.ts';

interface TokenAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly error?: string;
  readonly access_token?: string;
  readonly refresh_token?: string;
}

async function answerOf(response: Response): Promise<TokenAnswer> {
  const body = (await response.json()) as Omit<TokenAnswer, 'status' | 'retryAfter'>;
  return { status: response.status, retryAfter: response.headers.get('retry-after'), ...body };
}

describe.runIf(hasRedis)('two gatehouses and one Redis', () => {
  let deployment: RedisDeployment;
  let redis: RedisProcess;
  let upstream: AnsweringUpstream;
  let pair: GatehousePair;
  let one: TestGatehouse;
  let other: TestGatehouse;

  beforeEach(async () => {
    // Durable: a restart brings back what it was told, and more than it should where it was told to forget.
    deployment = await startStandalone(['--appendonly', 'yes', '--appendfsync', 'always']);
    [redis] = deployment.servers as readonly [RedisProcess];
    upstream = await startAnsweringUpstream();
    const { connection } = deployment;
    pair = await createGatehousePair({
      upstream: upstream.url,
      openStore: (clock) =>
        openRedisStore({ connection, keyPrefix: 'mcp-auth-proxy:', clock, random: systemRandom }),
    });
    [one, other] = pair.both;
    // The epoch of an empty Redis begins when it is first seen.
    pair.clock.advance(2);
  });
  afterEach(async () => {
    await pair.close();
    await upstream.close();
    await deployment.dispose();
  });

  it('signs in at one, refreshes at the other, and a reuse at the first ends it at both', async () => {
    const { client, accessToken, refreshToken } = await signIn(one);
    expect((await callMount(other, accessToken)).status).toBe(200);
    const second = await answerOf(await refresh(other, client.clientId, refreshToken));
    const third = await answerOf(await refresh(one, client.clientId, second.refresh_token ?? ''));
    expect([second.status, third.status]).toEqual([200, 200]);

    expect(await answerOf(await refresh(one, client.clientId, refreshToken))).toMatchObject({
      status: 400,
      error: 'invalid_grant',
    });
    for (const gatehouse of pair.both) {
      for (const token of [accessToken, second.access_token ?? '', third.access_token ?? '']) {
        await eventually(async () => expect((await callMount(gatehouse, token)).status).toBe(401));
      }
      const after = await refresh(gatehouse, client.clientId, third.refresh_token ?? '');
      expect(await answerOf(after)).toMatchObject({ status: 400, error: 'invalid_grant' });
    }
  });

  it('keep one list of what a person allowed, whoever writes to it, and forget none', async () => {
    const client = await registerClient(one);
    const codes = [];
    for (let at = 0; at < 10; at += 1) {
      const gatehouse = at % 2 === 0 ? one : other;
      codes.push({ gatehouse, signedIn: await obtainCode(gatehouse, { client }) });
    }
    const answers = await Promise.all(codes.map(({ gatehouse, signedIn }) => redeem(gatehouse, signedIn)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    const visit = await visitAccount(one);
    expect(visit.grantIds).toHaveLength(10);

    await visit.press(`end:${visit.grantIds[0]}`);
    await visit.press('end-all');
    // Whoever logs in so soon after it is cut off as well.
    pair.clock.advance(4);
    expect((await visitAccount(other)).grantIds).toEqual([]);
  });

  it('gives both racing replicas the same successor', async () => {
    const { client, refreshToken } = await signIn(one);
    const tries = [0, 1, 2, 3, 4, 5].map(async (index) =>
      answerOf(await refresh(index % 2 === 0 ? one : other, client.clientId, refreshToken)),
    );
    const answers = await Promise.all(tries);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1);
  });

  it('lets a code be redeemed at one of them only', async () => {
    const signedIn = await obtainCode(one);
    const answers = await Promise.all(
      [one, other, one, other].map((gatehouse) => redeem(gatehouse, signedIn)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('refuses a consent page from before a flush, and asks anew', async () => {
    const client = await registerClient(one);
    const browser = new Browser(one);
    const page = await browser.get(authorizeUrl(one, client));
    const form = readForm(await page.text());
    pair.clock.advance(1);
    await redis.command('FLUSHALL');
    const answer = await browser.post('/consent', {
      consent_token: form['consent_token'] ?? '',
      action: 'approve',
    });
    expect(answer.status).toBe(400);
    expect(one.events).toContainEqual(
      expect.objectContaining({ type: 'request_refused', reason: 'consent_token_invalid' }),
    );
    expect(one.events.filter(({ type }) => type === 'consent_decided')).toEqual([]);
    pair.clock.advance(2);
    expect((await signIn(one, { client })).accessToken).not.toBe('');
  });

  it('refuses a callback that was used before a flush', async () => {
    const client = await registerClient(one);
    const browser = new Browser(one);
    const login = new URL(await decide(browser, await browser.get(authorizeUrl(one, client))));
    const state = login.searchParams.get('state') ?? '';
    const callback = `/callback?${new URLSearchParams({ code: 'idp-code', state }).toString()}`;
    // The browser as it was before its first use: the answer to that ends the flow's cookie.
    const again = new Browser(one);
    for (const [name, value] of browser.cookies) again.cookies.set(name, value);
    expect((await browser.get(callback)).status).toBe(302);
    pair.clock.advance(1);
    await redis.command('FLUSHALL');
    expect((await again.get(callback)).status).toBe(400);
  });

  it('refuses a code that Redis brings back after a restart, and keeps the grants', async () => {
    const { client, refreshToken } = await signIn(one);
    const signedIn = await obtainCode(one);
    pair.clock.advance(1);
    await redis.kill();
    await redis.start();
    const answer = await eventually(async () => {
      const late = await answerOf(await redeem(other, signedIn));
      if (late.status === 503) throw new Error('not yet');
      return late;
    });
    expect(answer).toMatchObject({ status: 400, error: 'invalid_grant' });
    // This one has not spoken to it since, and may have to find out first.
    const kept = await eventually(async () => {
      const { status } = await answerOf(await refresh(one, client.clientId, refreshToken));
      if (status === 503) throw new Error('not yet');
      return status;
    });
    expect(kept).toBe(200);
  });

  it('answers 503 while Redis is gone, goes on with calls, and recovers without a restart', async () => {
    const { client, accessToken, refreshToken } = await signIn(one);
    expect((await callMount(other, accessToken)).status).toBe(200);
    await redis.kill();
    const during = await answerOf(await refresh(one, client.clientId, refreshToken));
    expect(during).toMatchObject({ status: 503, error: 'temporarily_unavailable' });
    expect(during.retryAfter).toMatch(/^\d+$/);
    expect((await callMount(other, accessToken)).status).toBe(200);
    await redis.start();
    const after = await eventually(async () => {
      const answer = await answerOf(await refresh(one, client.clientId, refreshToken));
      if (answer.status === 503) throw new Error('not yet');
      return answer;
    });
    expect(after.status).toBe(200);
  });
});
