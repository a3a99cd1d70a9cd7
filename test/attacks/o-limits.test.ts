import type * as crypto from 'node:crypto';
import { createDecipheriv } from 'node:crypto';
import { METHODS } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { createSealer } from '../../src/platform/sealing/sealer.ts';
import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { createRateLimits } from '../../src/services/limits/rate-limits.ts';
import type { ClientFingerprint } from '../../src/services/clients/client.ts';
import { accessTokenPurpose } from '../../src/services/tokens/access-token.ts';
import { connectTo } from '../support/breaking-client.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { flood, type FloodRequest, tally } from '../support/flood.ts';
import { authorizeUrl, refresh, registerClient, signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts';

vi.mock('node:crypto', async (importOriginal) => {
  const real = await importOriginal<typeof crypto>();
  return { ...real, createDecipheriv: vi.fn(real.createDecipheriv) };
});

describe.each(lanes)('on the %s', (_lane, lane) => {
  const closing: (() => Promise<void>)[] = [];
  let upstream: RecordingUpstream;

  beforeEach(async () => {
    upstream = await startRecordingUpstream();
  });

  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
    await upstream.close();
  });

  interface House extends TestGatehouse {
    readonly origin: string;
    /** What the store was asked, in order. */
    readonly asked: string[];
  }

  /** A gatehouse on a socket, its limits on, behind a proxy that tells it who calls. */
  async function openHouse(env: Record<string, string> = {}): Promise<House> {
    const clock = new FakeClock();
    const asked: string[] = [];
    const gatehouse = await createTestGatehouse({
      clock,
      store: recordCalls(createMemoryStore({ clock }), asked),
      upstream: `${upstream.origin}/mcp`,
      env: {
        RATE_LIMIT_ENABLED: 'true',
        TRUSTED_PROXY_CIDRS: '127.0.0.0/8',
        ...lane,
        ...env,
      },
    });
    closing.push(() => gatehouse.close());
    const { url } = await gatehouse.listen();
    return Object.assign(gatehouse, { origin: url, asked });
  }

  function recordCalls(store: Store, asked: string[]): Store {
    return new Proxy(store, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== 'function') return member;
        return (...values: unknown[]): unknown => {
          // The feed of revocations is read now and then, whoever calls.
          if (name !== 'read') asked.push(String(name));
          return member.apply(target, values) as unknown;
        };
      },
    });
  }

  async function openPath(env: Record<string, string> = {}): Promise<AttackedHouse<RecordingUpstream>> {
    const path = await startAttackedHouse(await startRecordingUpstream(), { ...lane, ...env });
    closing.push(() => path.close());
    return path;
  }

  async function readMetric(house: House, line: RegExp): Promise<number[]> {
    const { metricsPort } = await house.listen();
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    return text.split('\n').flatMap((each) => (line.test(each) ? [Number(each.split(' ').at(-1))] : []));
  }

  /** A call as a client behind the proxy makes it. */
  function call(address: string, bearer: string | undefined, body = '{}'): FloodRequest {
    return {
      headers: {
        'content-type': 'application/json',
        'x-forwarded-for': address,
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body,
    };
  }

  function post(path: string, address: string, form: Record<string, string>): FloodRequest {
    return {
      path,
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': address },
      body: new URLSearchParams(form).toString(),
    };
  }

  const streamHead =
    'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';

  /** Every answer of the path's upstream begins and does not end. */
  function answerWithStreams(path: { readonly upstream: RecordingUpstream }): void {
    path.upstream.answer = async (request, socket) => {
      await request.complete;
      socket.write(streamHead);
    };
  }

  const badTokens = [
    undefined,
    'garbage',
    `mgh_at_${'A'.repeat(300)}`,
    'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.',
  ] as const;

  describe('a flood of bad tokens', () => {
    it('196: reaches neither store nor identity provider nor upstream, and is logged in samples', async () => {
      const house = await openHouse();
      const linesBefore = house.logged().split('\n').length;
      house.asked.length = 0;
      const answers = await flood(house.origin, 2000, (at) =>
        call(`198.51.100.${at % 100}`, badTokens[at % badTokens.length]),
      );
      expect(tally(answers)).toEqual({ 401: 2000 });
      expect(house.asked).toEqual([]);
      expect(house.identityProvider.startedLogins).toEqual([]);
      expect(upstream.requests).toEqual([]);
      // The clock stands still: all of this is one second.
      expect(house.logged().split('\n').length - linesBefore).toBeLessThanOrEqual(100);
      const counted = await readMetric(house, /^gatehouse_requests_refused_total\{endpoint="mcp"/);
      expect(counted.reduce((sum, count) => sum + count, 0)).toBe(2000);
    });

    it('196: from one address is answered with 429 in the end, and the log says how much it left out', async () => {
      const house = await openHouse();
      const answers = await flood(house.origin, 1500, () => call('192.0.2.1', 'garbage'));
      expect(tally(answers)).toEqual({ 401: 600, 429: 900 });
      expect(answers.at(-1)?.retryAfter).toBe('60');
      await house.close();
      const lines = house
        .logged()
        .split('\n')
        .filter((line) => line.includes('log_lines_left_out'))
        .map((line) => JSON.parse(line) as { left_out: Record<string, number> });
      const leftOut = lines.reduce((sum, line) => sum + (line.left_out['mcp invalid_token'] ?? 0), 0);
      const written = house.logged().split('"access_denied_invalid_token"').length - 1;
      expect(written + leftOut).toBe(600);
      expect(written).toBe(10);
    });
  });

  describe('the limit of one person', () => {
    it('197: is the same whatever client, grant or token it is tried with, and however it is framed', async () => {
      const path = await openPath();
      answerWithStreams(path);
      const statuses: number[] = [];
      for (let at = 0; at < 20; at += 1) {
        const terms = {
          grantId: `grant-${at}`,
          client: `client-${at}` as ClientFingerprint,
          scope: [`s${at}`],
        };
        statuses.push((await path.call({ bearer: path.issue(terms), body: '{}' })).status);
      }
      expect(statuses).toEqual([...Array<number>(16).fill(200), ...Array<number>(4).fill(503)]);
      const raw = path.connect();
      const head = `POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nAuthorization: Bearer ${path.issue()}`;
      raw.socket.write(`${head}\r\n\r\n{}`.repeat(30));
      await raw.until(/(?:HTTP\/1\.1 503 (?:(?!HTTP\/1)[^])*){30}/);
      expect(path.upstream.requests).toHaveLength(16);
    });

    it('197: holds for requests on one connection that are sent before the first is answered', async () => {
      const path = await openPath();
      answerWithStreams(path);
      const head = `POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nAuthorization: Bearer ${path.issue()}`;
      path.connect().socket.write(`${head}\r\n\r\n{}`.repeat(30));
      await path.upstream.request(0);
      // One after the other or all at once: with those of other connections, they are as many as a person may have.
      const statuses: number[] = [];
      for (let at = 0; at < 16; at += 1) statuses.push((await path.call({ body: '{}' })).status);
      expect(statuses.at(-1)).toBe(503);
      expect(path.upstream.requests).toHaveLength(16);
    });

    it('197: is not that of a namesake at another identity provider, nor of another spelling', async () => {
      const path = await openPath({ MCP_PER_SUBJECT_CONCURRENCY: '1' });
      answerWithStreams(path);
      const people = [
        { identityIssuer: 'https://idp.test', subject: 'alice' },
        { identityIssuer: 'https://other.test', subject: 'alice' },
        { identityIssuer: 'https://idp.test', subject: 'Alice' },
      ];
      const first: number[] = [];
      const second: number[] = [];
      for (const person of people) {
        first.push((await path.call({ bearer: path.issue(person), body: '{}' })).status);
        second.push((await path.call({ bearer: path.issue(person), body: '{}' })).status);
      }
      expect(first).toEqual([200, 200, 200]);
      expect(second).toEqual([503, 503, 503]);
    });
  });

  describe('who hops from address to address', () => {
    it('198: is counted by the /64 of IPv6', async () => {
      const house = await openHouse();
      const answers = await flood(house.origin, 1000, (at) =>
        post('/token', `2001:db8:1:2:${(at * 7919).toString(16).slice(-4)}::${at.toString(16)}`, {}),
      );
      expect(tally(answers)).toEqual({ 400: 60, 429: 940 });
    });

    it('198: is one address in every way there is to write it', async () => {
      const house = await openHouse();
      const four = [
        '192.0.2.7',
        '::ffff:192.0.2.7',
        '::FFFF:C000:207',
        '[::ffff:192.0.2.7]:80',
        '192.0.2.7:9',
      ];
      const answers = await flood(house.origin, 100, (at) => post('/token', four[at % 5] as string, {}));
      expect(tally(answers)).toEqual({ 400: 60, 429: 40 });
      const six = ['fe80::1%eth0', 'fe80::1%eth1', 'FE80:0::2', '[fe80::3%x]:1', 'fe80::1'];
      const zoned = await flood(house.origin, 100, (at) => post('/token', six[at % 5] as string, {}));
      expect(tally(zoned)).toEqual({ 400: 60, 429: 40 });
    });

    it('198: cannot write addresses of its own in front of the proxy’s, on any line', async () => {
      const house = await openHouse();
      const answers = await flood(house.origin, 100, (at) => {
        const { headers, ...rest } = post('/token', `10.1.2.${at}, 192.0.2.9`, {});
        return {
          ...rest,
          headers: { ...headers, 'x-real-ip': `10.9.9.${at}`, 'true-client-ip': `10.8.8.${at}` },
        };
      });
      expect(tally(answers)).toEqual({ 400: 60, 429: 40 });
    });
  });

  describe('keys without end', () => {
    it('199: fill a table of a fixed size, where the oldest goes first', async () => {
      const limits = createRateLimits({ enabled: true, nowMs: () => 1_000_000, maxKeys: 1000 });
      const checkFirst = () => limits.check('register', '192.0.2.1');
      for (let count = 0; count < 11; count += 1) await checkFirst();
      expect((await checkFirst()).outcome).toBe('limited');
      for (let at = 0; at < 999; at += 1) await limits.check('token', `10.${at >> 8}.${at % 256}.1`);
      expect((await checkFirst()).outcome).toBe('limited');
      await limits.check('token', '10.255.255.1');
      expect((await checkFirst()).outcome).toBe('allowed');
    });

    it('199: of strangers push out no count of those who are known', async () => {
      const limits = createRateLimits({ enabled: true, nowMs: () => 1_000_000, maxKeys: 1000 });
      for (let count = 0; count < 600; count += 1) limits.checkCall('192.0.2.1');
      for (let at = 0; at < 5000; at += 1) limits.checkStranger(`10.${at >> 8}.${at % 256}.1`);
      expect(limits.checkCall('192.0.2.1').outcome).toBe('limited');
    });
  });

  describe('limits as a weapon', () => {
    it('200: a flood of bad tokens stops no good one from the same address', async () => {
      const house = await openHouse({ MCP_PER_SUBJECT_CONCURRENCY: '0' });
      const { accessToken } = await signIn(house);
      const bad = await flood(house.origin, 1000, (at) => call('192.0.2.50', badTokens[at % 4]));
      expect(tally(bad)[429]).toBe(400);
      const good = await flood(house.origin, 100, () => call('192.0.2.50', accessToken));
      expect(tally(good)).toEqual({ 200: 100 });
    });

    it('200: at an address that is flooded, a client still hears that its token has expired', async () => {
      const house = await openHouse();
      const { accessToken } = await signIn(house);
      await flood(house.origin, 700, () => call('192.0.2.51', 'garbage'));
      house.clock.advance(30 * 24 * 3600);
      await flood(house.origin, 700, () => call('192.0.2.51', 'garbage'));
      const [expired] = await flood(house.origin, 1, () => call('192.0.2.51', accessToken));
      expect(expired?.status).toBe(401);
    });

    it('200: whoever knows a client id can use up nothing of that client', async () => {
      const house = await openHouse();
      const tokens = await signIn(house);
      const guesses = await flood(house.origin, 1500, (at) =>
        post('/token', `10.1.${at >> 8}.${at % 256}`, {
          grant_type: at % 2 === 0 ? 'refresh_token' : 'authorization_code',
          client_id: tokens.client.clientId,
          refresh_token: `mgh_rt_${at}`,
          code: `mgh_ac_${at}`,
          code_verifier: 'x'.repeat(43),
          redirect_uri: tokens.client.redirectUri,
        }),
      );
      expect(tally(guesses)).toEqual({ 400: 1500 });
      expect((await refresh(house, tokens.client.clientId, tokens.refreshToken)).status).toBe(200);
    });

    it('200: a client that refreshes without end is slowed down alone, and keeps its grant', async () => {
      const house = await openHouse();
      const [wild, calm] = [await signIn(house), await signIn(house)];
      const refreshAt = (at: number, tokens: typeof wild): FloodRequest =>
        post('/token', `10.2.${at >> 8}.${at % 256}`, {
          grant_type: 'refresh_token',
          client_id: tokens.client.clientId,
          refresh_token: tokens.refreshToken,
        });
      const answers = await flood(house.origin, 200, (at) => refreshAt(at, wild));
      expect(tally(answers)).toEqual({ 200: 60, 429: 140 });
      const slowed = answers.find(({ status }) => status === 429);
      expect(JSON.parse(slowed?.body ?? '')).toMatchObject({ error: 'temporarily_unavailable' });
      expect(slowed?.retryAfter).toBe('60');
      expect(house.events).toContainEqual(expect.objectContaining({ reason: 'client_rate_limited' }));
      expect(house.events.filter(({ type }) => type === 'grant_revoked')).toEqual([]);
      expect((await refresh(house, calm.client.clientId, calm.refreshToken)).status).toBe(200);
    });

    it('200: failed logins of others leave a person’s own login alone', async () => {
      const house = await openHouse();
      const client = await registerClient(house);
      await flood(house.origin, 500, (at) => ({
        method: 'GET',
        path: `/callback?code=x&state=mgh_st_${at}`,
        headers: { 'x-forwarded-for': `10.3.0.${at % 250}` },
      }));
      await flood(house.origin, 500, (at) => ({
        method: 'GET',
        path: authorizeUrl(house, client, { login_hint: 'alice' }).slice(house.publicUrl.length),
        headers: { 'x-forwarded-for': `10.3.1.${at % 250}` },
      }));
      expect((await signIn(house, { client })).accessToken).toMatch(/^mgh_at_/);
    });
  });

  describe('streams that are hoarded', () => {
    it('202: are refused with 429 past their number, and take no place from calls or from other people', async () => {
      const path = await openPath();
      answerWithStreams(path);
      const statuses: number[] = [];
      for (let at = 0; at < 80; at += 1) {
        const answer = await path.call({ method: 'GET', bearer: path.issue({ grantId: `grant-${at}` }) });
        statuses.push(answer.status);
        if (answer.status === 429) expect(answer.headers['retry-after']).toMatch(/^\d+$/);
      }
      expect(statuses).toEqual([...Array<number>(64).fill(200), ...Array<number>(16).fill(429)]);
      expect(path.upstream.requests).toHaveLength(64);
      expect(path.events.at(-1)).toMatchObject({ reason: 'subject_streams_exceeded', status: 429 });
      for (let at = 0; at < 16; at += 1) expect((await path.call({ body: '{}' })).status).toBe(200);
      const other = path.issue({ subject: 'bob' });
      expect((await path.call({ method: 'GET', bearer: other })).status).toBe(200);
    });
  });

  describe('exotic input', () => {
    it('203: headers named like members of every object change nothing', async () => {
      const path = await openPath();
      for (const name of [
        '__proto__',
        'constructor',
        'toString',
        'hasOwnProperty',
        'X-User-Sub',
        '__defineGetter__',
      ]) {
        const raw = path.connect();
        raw.socket.write(
          `POST /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${name}: root\r\n${name}: root\r\n` +
            `Authorization: Bearer ${path.issue()}\r\nContent-Length: 2\r\n\r\n{}`,
        );
        await raw.until(/^HTTP\/1\.1 200 /);
        await raw.closed;
      }
      for (const request of path.upstream.requests) {
        expect(request.header('x-user-sub')).toEqual(['alice']);
        expect(JSON.stringify(request.headerLines)).not.toContain('root');
      }
      expect(path.internalErrors()).toEqual([]);
    });

    it('203: clients that break off anywhere leave a server that answers, and no place taken', async () => {
      const house = await openHouse({ MCP_PER_SUBJECT_CONCURRENCY: '1' });
      const { accessToken } = await signIn(house);
      const requests = [
        `POST /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${accessToken}\r\nContent-Length: 2\r\n\r\n{}`,
        `GET /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${accessToken}\r\n\r\n`,
        'GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: gatehouse.test\r\n\r\n',
        'POST /register HTTP/1.1\r\nHost: gatehouse.test\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n{"redirect_uris":[',
        'POST /token HTTP/1.1\r\nHost: gatehouse.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ngrant\r\n',
      ];
      // The same in every run.
      let seed = 203;
      const draw = (below: number): number => {
        seed = (seed * 48_271) % 2_147_483_647;
        return seed % below;
      };
      for (let round = 0; round < 400; round += 1) {
        const bytes = requests[draw(requests.length)] as string;
        const length = draw(2) === 0 ? bytes.length : 1 + draw(bytes.length);
        await connectTo(house.origin, bytes.slice(0, length), {
          waitForAnswer: draw(2) === 0,
          end: (['reset', 'destroy', 'end'] as const)[draw(3)] ?? 'reset',
        });
      }
      const [alive] = await flood(house.origin, 1, () => ({
        method: 'GET',
        path: '/healthz',
      }));
      expect(alive?.status).toBe(200);
      // The last of them may not have been noticed yet.
      let status = 503;
      while (status === 503) {
        const [answer] = await flood(house.origin, 1, () => call('192.0.2.60', accessToken));
        status = answer?.status ?? 0;
      }
      expect(status).toBe(200);
      expect(upstream.requests.length).toBeGreaterThan(20);
      expect(house.logged()).not.toContain('internal_error');
    });
  });

  describe('names without end', () => {
    it('204: of tools fill no more series than are allowed, and of paths, agents and methods none', async () => {
      const house = await openHouse({ MCP_TOOL_METRICS: 'true', MCP_TOOL_METRICS_MAX_CARDINALITY: '20' });
      const { accessToken } = await signIn(house);
      const answers = await flood(house.origin, 500, (at) => {
        const body = JSON.stringify({
          jsonrpc: '2.0',
          id: at,
          method: 'tools/call',
          params: { name: `tool_${at}` },
        });
        return call(`10.4.0.${at % 250}`, accessToken, body);
      });
      expect(tally(answers)[200]).toBeGreaterThan(0);
      expect((await readMetric(house, /^mcp_auth_rpc_calls_total\{/)).length).toBe(21);
      const seriesBefore = (await readMetric(house, /^[^#]/)).length;
      const linesBefore = house.logged().split('\n').length;
      const methods = METHODS.filter((method) => method !== 'CONNECT' && method !== 'HEAD');
      const lost = await flood(house.origin, 1000, (at) => ({
        method: methods[at % methods.length] ?? 'GET',
        path: `/nowhere/${at}`,
        headers: { 'user-agent': `agent-${at}`, 'x-forwarded-for': `10.5.0.${at % 250}` },
      }));
      expect(tally(lost)).toEqual({ 404: 1000 });
      // Five methods, one status, one reason: not one of each per name.
      expect((await readMetric(house, /^[^#]/)).length - seriesBefore).toBeLessThan(100);
      expect(house.logged().split('\n').length - linesBefore).toBeLessThanOrEqual(100);
      expect(house.logged()).not.toContain('agent-');
    });
  });

  describe('authorization requests without end', () => {
    it('205: store nothing', async () => {
      const house = await openHouse({ RATE_LIMIT_ENABLED: 'false' });
      const client = await registerClient(house);
      const path = authorizeUrl(house, client).slice(house.publicUrl.length);
      house.asked.length = 0;
      const answers = await flood(house.origin, 1000, () => ({ method: 'GET', path }));
      expect(tally(answers)).toEqual({ 200: 1000 });
      expect(house.asked).toEqual([]);
      expect((await house.store.list('', { cursor: '', limit: 10 })).records).toEqual([]);
    });
  });

  describe('cryptography on demand', () => {
    const secretAt = (at: number): string => `secret number ${at} of the test 0123456789abcdef`;
    const makeSealer = (secrets: readonly [string, ...string[]]) =>
      createSealer({ secrets, context: 'https://gatehouse.test', random: systemRandom });
    const eleven = Array.from({ length: 11 }, (_, at) => secretAt(at)) as [string, ...string[]];

    it('206: nothing longer than a token can be is decrypted, be it ever so genuine', () => {
      const sealer = makeSealer(eleven);
      const long = sealer.seal({ ...accessTokenPurpose, maxLength: 100_000 }, 'x'.repeat(12_000));
      vi.mocked(createDecipheriv).mockClear();
      expect(sealer.open(accessTokenPurpose, long)).toBeUndefined();
      expect(createDecipheriv).not.toHaveBeenCalled();
    });

    it('206: the key is chosen by its id: with ten old keys one is tried, and of an unknown key none', () => {
      const sealer = makeSealer(eleven);
      const oldest = makeSealer([secretAt(10)]).seal(accessTokenPurpose, 'content');
      const stranger = makeSealer([secretAt(99)]).seal(accessTokenPurpose, 'content');
      vi.mocked(createDecipheriv).mockClear();
      expect(sealer.open(accessTokenPurpose, oldest)).toBe('content');
      expect(createDecipheriv).toHaveBeenCalledTimes(1);
      for (let count = 0; count < 1000; count += 1)
        expect(sealer.open(accessTokenPurpose, stranger)).toBeUndefined();
      expect(createDecipheriv).toHaveBeenCalledTimes(1);
    });

    it('206: a call with 12 kB of token is a 401 and nothing more', async () => {
      const path = await openPath();
      const long = path.seal.seal({ ...accessTokenPurpose, maxLength: 100_000 }, 'x'.repeat(9000));
      vi.mocked(createDecipheriv).mockClear();
      expect((await path.call({ bearer: long, body: '{}' })).status).toBe(401);
      expect(createDecipheriv).not.toHaveBeenCalled();
      expect(path.upstream.requests).toEqual([]);
    });
  });
});
