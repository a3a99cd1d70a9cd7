import { setTimeout as sleep } from 'node:timers/promises';

import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { callMount } from '../support/answering-upstream.ts';
import { authorizeUrl, createPkce, postForm, refresh, registerClient } from '../support/flow.ts';
import { freePort } from '../support/free-port.ts';
import { LoopbackBrowser } from '../support/loopback-browser.ts';
import { type ForwardedRequest, hasNginx, type Nginx, startNginx } from '../support/nginx.ts';
import { type LoopbackOpenIdProvider, startOpenIdProvider } from '../support/oidc-provider.ts';
import {
  chunk,
  type RecordingUpstream,
  replyJson,
  startRecordingUpstream,
} from '../support/recording-upstream.ts';
import { eventually, hasRedis, type RedisProcess, startRedis } from '../support/redis.ts';
import { type ServedGatehouse, startServedGatehouse } from '../support/served-gatehouse.ts';

const redirectUri = 'http://127.0.0.1:33333/callback';

/** register, authorize, consent, callback, token */
const loginSteps = 5;

let redis: RedisProcess;
let upstream: RecordingUpstream;
let provider: LoopbackOpenIdProvider;
let nginx: Nginx;
let ports: readonly [number, number];
let replicas: [ServedGatehouse, ServedGatehouse];

/** The deployment as clients see it. */
const target = {
  publicUrl: '',
  resource: '',
  fetch: (pathOrUrl: string, init?: RequestInit): Promise<Response> =>
    fetch(new URL(pathOrUrl, target.publicUrl), init),
};

async function startReplica(port: number): Promise<ServedGatehouse> {
  return startServedGatehouse({
    port,
    publicUrl: target.publicUrl,
    upstream: `${upstream.origin}/mcp`,
    identityProvider: { issuer: provider.issuer, clientId: 'gatehouse', clientSecret: 'provider-secret' },
    env: {
      REDIS_URL: `redis://${redis.host}:${redis.port}`,
      REDIS_REQUIRED: 'true',
      STORE_PATH: '',
      RATE_LIMIT_ENABLED: 'true',
      TRUSTED_PROXY_CIDRS: '127.0.0.1/32',
    },
  });
}

/** What nginx forwarded since `before`, with the end of its log awaited. */
async function forwardedSince(before: number, count: number): Promise<readonly ForwardedRequest[]> {
  return eventually(() => {
    const requests = nginx.forwarded().slice(before);
    if (requests.length < count) throw new Error(`nginx answered ${requests.length} of ${count} requests`);
    return requests;
  });
}

interface Login {
  readonly clientId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Resolves when the log of nginx has every step, so that what comes after it can be told apart. */
async function logIn(person: string): Promise<Login> {
  const before = nginx.forwarded().length;
  const client = await registerClient(target, { redirect_uris: [redirectUri] });
  const { verifier, challenge } = createPkce();
  const url = authorizeUrl(target, client, { code_challenge: challenge });
  const answer = await new LoopbackBrowser({ login: person }).signIn(url, redirectUri);
  const response = await postForm(target, '/token', {
    grant_type: 'authorization_code',
    code: answer.searchParams.get('code') ?? '',
    redirect_uri: redirectUri,
    client_id: client.clientId,
    code_verifier: verifier,
  });
  const tokens = await readTokens(response);
  await forwardedSince(before, loginSteps);
  return { clientId: client.clientId, ...tokens };
}

async function readTokens(response: Response): Promise<Omit<Login, 'clientId'>> {
  const text = await response.text();
  expect([response.status, text]).toEqual([200, expect.stringContaining('refresh_token')]);
  const body = JSON.parse(text) as { access_token: string; refresh_token: string };
  return { accessToken: body.access_token, refreshToken: body.refresh_token };
}

/** A connection that breaks is tried once more, as SDKs do it; any other answer counts. */
async function refreshOnce(login: Login): Promise<Login> {
  const attempt = () => refresh(target, login.clientId, login.refreshToken);
  const response = await attempt().catch(attempt);
  return { clientId: login.clientId, ...(await readTokens(response)) };
}

const eventStreamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';

/** Opens a stream through nginx; `push` sends an event and resolves when the client has it. */
async function openStream(accessToken: string) {
  const index = upstream.requests.length;
  upstream.answer = (_, socket) => {
    socket.write(eventStreamHead);
  };
  const headers = { authorization: `Bearer ${accessToken}`, accept: 'text/event-stream' };
  const response = await target.fetch(target.resource, { headers });
  upstream.answer = replyJson({ jsonrpc: '2.0', id: 1, result: {} });
  expect(response.status).toBe(200);
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error('the stream has no body');
  const request = await upstream.request(index);
  return {
    async push(event: string): Promise<string> {
      request.socket.write(chunk(event));
      const { value } = await reader.read();
      return new TextDecoder().decode(value);
    },
    /** Resolves when the client's side is over, whether it was ended or cut. */
    async untilOver(): Promise<void> {
      for (;;) if ((await reader.read().catch(() => ({ done: true }))).done) return;
    },
    closedUpstream: request.closed,
  };
}

describe.skipIf(!hasNginx || !hasRedis)('two replicas behind nginx with one Redis', () => {
  beforeAll(async () => {
    const [first, second, providerPort, port] = await Promise.all([
      freePort(),
      freePort(),
      freePort(),
      freePort(),
    ]);
    ports = [first, second];
    target.publicUrl = `http://127.0.0.1:${port}`;
    target.resource = `${target.publicUrl}/mcp`;
    redis = await startRedis();
    upstream = await startRecordingUpstream();
    const relyingParty = {
      clientId: 'gatehouse',
      clientSecret: 'provider-secret',
      redirectUri: `${target.publicUrl}/callback`,
    };
    provider = await startOpenIdProvider(relyingParty, providerPort);
    replicas = [await startReplica(first), await startReplica(second)];
    nginx = await startNginx({ port, replicas: ports });
    await rememberingRedis();
  });

  afterAll(async () => {
    await nginx.close();
    for (const replica of replicas) await replica.close();
    await provider.close();
    await upstream.close();
    await redis.dispose();
  });

  it('logs a person in although every step lands on the other replica', async () => {
    const before = nginx.forwarded().length;
    const login = await logIn('alice');
    const call = await callMount(target, login.accessToken);
    expect(await call.json()).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
    const steps = await forwardedSince(before, 6);
    expect(steps.map(({ method, path, status }) => `${method} ${path} ${status}`)).toEqual([
      'POST /register 201',
      'GET /authorize 200',
      'POST /consent 200',
      expect.stringMatching(/^GET \/callback 30\d$/),
      'POST /token 200',
      'POST /mcp 200',
    ]);
    expect(areAlternating(steps)).toBe(true);
  });

  it('refreshes at either, one after the other', async () => {
    let login = await logIn('bob');
    const before = nginx.forwarded().length;
    for (let round = 0; round < 4; round += 1) login = await refreshOnce(login);
    const steps = await forwardedSince(before, 4);
    expect(areAlternating(steps)).toBe(true);
    expect((await callMount(target, login.accessToken)).status).toBe(200);
  });

  it('gives the same successor at both to a refresh token that comes twice', async () => {
    const login = await logIn('carol');
    const before = nginx.forwarded().length;
    const [one, two] = [await refreshOnce(login), await refreshOnce(login)];
    expect(areAlternating(await forwardedSince(before, 2))).toBe(true);
    expect(two.refreshToken).toBe(one.refreshToken);
  });

  it('hands on each event before the next one is sent', async () => {
    const login = await logIn('dave');
    const stream = await openStream(login.accessToken);
    for (const event of ['id: 1\ndata: {"a":1}\n\n', ': still here\n\n', 'id: 2\ndata: {"b":2}\n\n']) {
      expect(await stream.push(event)).toBe(event);
    }
    await postForm(target, '/revoke', { token: login.refreshToken, client_id: login.clientId });
    await stream.untilOver();
  });

  it('ends a stream at one replica when its grant is revoked at the other', async () => {
    const login = await logIn('erin');
    const before = nginx.forwarded().length;
    const stream = await openStream(login.accessToken);
    await stream.push('data: 1\n\n');
    const revoked = await postForm(target, '/revoke', {
      token: login.refreshToken,
      client_id: login.clientId,
    });
    expect(revoked.status).toBe(200);
    await stream.untilOver();
    await stream.closedUpstream;
    const steps = await forwardedSince(before, 2);
    expect(steps.map(({ path }) => path).toSorted()).toEqual(['/mcp', '/revoke']);
    expect(areAlternating(steps)).toBe(true);
    expect((await callMount(target, login.accessToken)).status).toBe(401);
    expect((await refresh(target, login.clientId, login.refreshToken)).status).toBe(400);
  });

  it('counts for the address that nginx saw, at both together, whatever the client says', async () => {
    const [flooder, neighbour] = [
      new Agent({ localAddress: '127.0.0.2' }),
      new Agent({ localAddress: '127.0.0.3' }),
    ];
    let sent = 0;
    const register = async (dispatcher: Agent): Promise<number> => {
      sent += 1;
      const { statusCode, body } = await dispatcher.request({
        origin: target.publicUrl,
        path: '/register',
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': `192.0.2.${sent % 250}` },
        body: JSON.stringify({ redirect_uris: [redirectUri] }),
      });
      await body.dump();
      return statusCode;
    };
    const statuses: number[] = [];
    // Ten a minute; more than both would allow alone, should a minute end meanwhile.
    while (statuses.at(-1) !== 429 && statuses.length < 60) statuses.push(await register(flooder));
    expect(statuses.at(-1)).toBe(429);
    expect(await register(neighbour)).toBe(201);
    await Promise.all([flooder.close(), neighbour.close()]);
  });

  it('refreshes on while a replica is killed and comes back', async () => {
    let login = await logIn('frank');
    const [port] = ports;
    const refreshFor = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) login = await refreshOnce(login);
    };
    const refreshing = refreshFor(10);
    await replicas[0].kill();
    await refreshing;
    replicas[0] = await startReplica(port);
    const before = nginx.forwarded().length;
    // Each round is a refresh, and a grant has sixty a minute.
    for (let round = 0; round < 40 && !nginx.forwarded().slice(before).some(isAnsweredBy(port)); round += 1) {
      await refreshFor(1);
      await sleep(250);
    }
    expect(nginx.forwarded().slice(before).some(isAnsweredBy(port))).toBe(true);
    expect((await callMount(target, login.accessToken)).status).toBe(200);
    const answers = nginx.forwarded().filter(({ path }) => path === '/token');
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
  });
});

/** Codes from the second in which Redis was first seen are not redeemed: it may have forgotten them before. */
async function rememberingRedis(): Promise<void> {
  const epoch = String(await redis.command('GET', 'mcp-auth-proxy:e'));
  const since = Number(epoch.split(' ')[1]);
  await eventually(() => {
    if (!(Date.now() / 1000 > since + 1)) throw new Error('Redis is as old as this second');
  });
}

function areAlternating(requests: readonly ForwardedRequest[]): boolean {
  return requests.every(({ replica }, index) => replica !== requests[index - 1]?.replica);
}

function isAnsweredBy(port: number): (request: ForwardedRequest) => boolean {
  return ({ replica, status }) => replica.endsWith(`:${port}`) && status === 200;
}
