import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { systemClock } from '../../src/platform/clock.ts';
import { callMount } from '../support/answering-upstream.ts';
import { Browser } from '../support/browser.ts';
import {
  authorizeUrl,
  createPkce,
  decide,
  postForm,
  refresh,
  registerClient,
  signIn,
  type Tokens,
} from '../support/flow.ts';
import { createTestKeyFile } from '../support/key-file.ts';
import { eventually } from '../support/redis.ts';
import { type ServingWorkers, startServingWorkers } from '../support/serving-workers.ts';
import { openStream, startStreamingUpstream, type StreamingUpstream } from '../support/streaming-upstream.ts';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function startUpstream(): Promise<StreamingUpstream> {
  const upstream = await startStreamingUpstream();
  closers.push(() => upstream.close());
  return upstream;
}

async function startWorkers(options: Partial<Parameters<typeof startServingWorkers>[0]> = {}) {
  const crew = await startServingWorkers({ workers: 2, ...options });
  closers.push(() => crew.close());
  return crew;
}

async function signInAt(crew: ServingWorkers): Promise<Tokens> {
  const logIn = (url: URL): Promise<URLSearchParams> => crew.provider.logIn(url);
  return eventually(() => signIn(crew, { logIn }));
}

async function statusOfCall(crew: ServingWorkers, accessToken: string): Promise<number> {
  const response = await callMount(crew, accessToken);
  await response.arrayBuffer();
  return response.status;
}

/** Which workers answered requests to the mount. */
function answering(crew: ServingWorkers): Set<number | undefined> {
  return new Set(
    crew.lines.filter(({ msg, path }) => msg === 'request' && path === '/mcp').map(({ worker }) => worker),
  );
}

describe('several workers', () => {
  it('answer on one port, and one metrics endpoint counts what all of them did', async () => {
    const crew = await startWorkers({ workers: 3 });
    for (const worker of [1, 2, 3]) await crew.at(worker, () => crew.fetch('/mcp'));
    for (let call = 0; call < 20; call += 1) await crew.fetch('/mcp');
    expect(await eventually(() => answering(crew))).toEqual(new Set([1, 2, 3]));
    expect(await crew.metric('gatehouse_requests_refused_total')).toBe(23);
    expect(await crew.metric('gatehouse_http_request_duration_seconds_count')).toBe(23);
    expect(await crew.metric('gatehouse_build_info')).toBe(1);
    expect(await crew.metric('gatehouse_workers_ready')).toBe(3);
    expect(await crew.readyz()).toMatchObject({
      status: 200,
      body: { status: 'ok', store: 'ok', workers: { wanted: 3, ready: 3 } },
    });
  });

  it('end a login that another one began, and refuse a code that another one redeemed', async () => {
    const crew = await startWorkers();
    await signInAt(crew);
    const client = await registerClient(crew);
    const browser = new Browser(crew);
    const { verifier, challenge } = createPkce();
    const login = await crew.at(1, async () => {
      const page = await browser.get(authorizeUrl(crew, client, { code_challenge: challenge }));
      return decide(browser, page);
    });
    const query = await crew.provider.logIn(new URL(login));
    const answer = await crew.at(2, () => browser.get(`/callback?${query.toString()}`));
    const code = new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? '';
    const form = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: client.redirectUri,
      client_id: client.clientId,
      code_verifier: verifier,
    };
    expect((await crew.at(1, () => postForm(crew, '/token', form))).status).toBe(200);
    const again = await crew.at(2, () => postForm(crew, '/token', form));
    expect([again.status, await again.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
  });

  it('give one successor to a refresh token that comes to all of them at once', async () => {
    const crew = await startWorkers({ workers: 3 });
    const tokens = await signInAt(crew);
    let present = tokens.refreshToken;
    for (let round = 0; round < 5; round += 1) {
      const copies = Array.from({ length: 6 }, async () => {
        const response = await refresh(crew, tokens.client.clientId, present);
        return (await response.json()) as { refresh_token?: string };
      });
      const got = new Set((await Promise.all(copies)).map((body) => body.refresh_token));
      expect([...got]).toEqual([expect.any(String)]);
      present = [...got][0] ?? '';
    }
  });

  it('all refuse what one of them was told to revoke, and end its streams', async () => {
    const upstream = await startUpstream();
    const crew = await startWorkers({ upstream: upstream.url });
    const tokens = await signInAt(crew);
    const streams = [];
    for (const worker of [1, 2]) {
      streams.push(await crew.at(worker, () => openStream(crew, tokens.accessToken)));
      expect(await crew.at(worker, () => statusOfCall(crew, tokens.accessToken))).toBe(200);
    }
    const form = { token: tokens.refreshToken, client_id: tokens.client.clientId };
    expect((await postForm(crew, '/revoke', form)).status).toBe(200);
    await Promise.all(streams.map(({ ended }) => ended.catch(() => {})));
    for (const worker of [1, 2]) {
      expect(await crew.at(worker, () => statusOfCall(crew, tokens.accessToken))).toBe(401);
    }
  });

  it('all refuse within seconds what an operator cut off by the command line', async () => {
    const upstream = await startUpstream();
    const crew = await startWorkers({ upstream: upstream.url });
    const tokens = await signInAt(crew);
    crew.run('grants', 'revoke', '--subject', 'alice');
    for (const worker of [1, 2]) {
      await eventually(async () => {
        const status = await crew.at(worker, () => statusOfCall(crew, tokens.accessToken));
        expect(status).toBe(401);
      }, 4_000);
    }
  });

  it('count an address together', async () => {
    const crew = await startWorkers({ env: { RATE_LIMIT_ENABLED: 'true' } });
    const body = JSON.stringify({ redirect_uris: ['https://client.example/callback'] });
    const headers = { 'content-type': 'application/json' };
    const register = (): Promise<Response> => crew.fetch('/register', { method: 'POST', headers, body });
    const statuses: number[] = [];
    for (let request = 0; request < 12; request += 1) {
      statuses.push((await crew.at((request % 2) + 1, register)).status);
    }
    // Ten a minute: of those ten, each worker has seen five.
    expect(statuses.filter((status) => status === 429)).toHaveLength(2);
  });
});

describe('a worker that is killed', () => {
  it('takes no call of the others along, is replaced, and what it counted stays counted', async () => {
    const upstream = await startUpstream();
    const crew = await startWorkers({ upstream: upstream.url });
    const tokens = await signInAt(crew);
    const kept = await crew.at(2, () => openStream(crew, tokens.accessToken));
    for (let call = 0; call < 5; call += 1) {
      expect(await crew.at(1, () => statusOfCall(crew, tokens.accessToken))).toBe(200);
    }
    const before = await crew.metric('gatehouse_http_request_duration_seconds_count');

    process.kill(crew.pidOf(1), 'SIGKILL');
    await crew.line('worker_lost');
    // All of these come to the one that is left, or to the new one.
    for (let call = 0; call < 10; call += 1) expect(await statusOfCall(crew, tokens.accessToken)).toBe(200);
    expect((await crew.readyz()).status).toBe(200);
    await crew.line('worker_ready', 3);
    expect(await crew.at(1, () => statusOfCall(crew, tokens.accessToken))).toBe(200);

    expect(upstream.openStreams).toBe(1);
    expect(await Promise.race([kept.ended.then(() => 'ended'), Promise.resolve('open')])).toBe('open');
    expect(await crew.metric('gatehouse_worker_restarts_total')).toBe(1);
    expect(await crew.metric('gatehouse_http_request_duration_seconds_count')).toBe(before + 11);
    expect((await crew.readyz()).body).toMatchObject({ workers: { wanted: 2, ready: 2 } });
  });

  it('leaves no trace when it was asked to go: it drains, and another takes its place', async () => {
    const crew = await startWorkers();
    const before = crew.pidOf(1);
    for (let call = 0; call < 3; call += 1) await crew.at(1, () => crew.fetch('/mcp'));
    process.kill(before, 'SIGTERM');
    await crew.line('worker_ready', 3);
    expect(crew.pidOf(1)).not.toBe(before);
    expect(await crew.metric('gatehouse_requests_refused_total')).toBe(3);
  });
});

describe('the end of several workers', () => {
  it('on SIGTERM comes when listening streams were ended and calls answered, and is not ready before', async () => {
    const upstream = await startUpstream();
    const crew = await startWorkers({ upstream: upstream.url });
    const tokens = await signInAt(crew);
    const streams = [];
    for (const worker of [1, 2]) {
      streams.push(await crew.at(worker, () => openStream(crew, tokens.accessToken)));
    }
    crew.child.kill('SIGTERM');
    // To the whole group, as some service managers send it.
    process.kill(crew.pidOf(1), 'SIGTERM');
    // Ended, not cut: a cut would reject.
    await Promise.all(streams.map(({ ended }) => ended));
    expect(await crew.exit).toBe(0);
    expect(crew.lines.filter(({ msg }) => msg === 'worker_ended')).toHaveLength(2);
    expect(crew.lines.map(({ msg }) => msg)).not.toContain('worker_lost');
  });

  it('on a second signal does not wait', async () => {
    const crew = await startWorkers();
    process.kill(crew.pidOf(2), 'SIGSTOP');
    crew.child.kill('SIGTERM');
    expect(await eventually(async () => (await crew.readyz()).status)).toBe(503);
    crew.child.kill('SIGTERM');
    process.kill(crew.pidOf(2), 'SIGCONT');
    expect(await crew.exit).toBe(2);
  });

  it('comes as well while they start', async () => {
    const crew = await startWorkers({ awaitReady: false });
    await crew.line('metrics_listening');
    expect((await crew.readyz()).body).toMatchObject({ status: 'starting' });
    crew.child.kill('SIGTERM');
    expect(await crew.exit).toBe(0);
    expect(crew.lines.map(({ msg }) => msg)).not.toContain('listening');
  });

  it('does not come on SIGHUP with a key file: all of them read it again', async () => {
    const keyFile = createTestKeyFile(systemClock);
    closers.push(async () => keyFile.remove());
    const crew = await startWorkers({ env: { TOKEN_SIGNING_SECRET: '', SIGNING_KEYS_FILE: keyFile.path } });
    writeFileSync(keyFile.path, 'not a key file');
    crew.child.kill('SIGHUP');
    await crew.line('keys_reload_refused', 2);
    const refusing = crew.lines.filter(({ msg }) => msg === 'keys_reload_refused');
    expect(new Set(refusing.map(({ worker }) => worker))).toEqual(new Set([1, 2]));
    expect((await crew.fetch('/healthz')).status).toBe(200);
  });

  it('comes to the workers with the process that started them', async () => {
    const crew = await startWorkers();
    crew.child.kill('SIGKILL');
    // The pipe that all of them write to closes with the last.
    await crew.exit;
    await expect(crew.fetch('/healthz')).rejects.toThrow('fetch failed');
  });
});

describe('workers that cannot start', () => {
  it('end the process with what the only process would have said', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const bound = occupant.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const crew = await startWorkers({ env: { LISTEN_ADDR: `127.0.0.1:${port}` }, awaitReady: false });
    expect(await crew.exit).toBe(1);
    expect(crew.errorText()).toMatch(/^error: a listen address is taken\nhint: .*\n$/);
    occupant.close();
  });
});
