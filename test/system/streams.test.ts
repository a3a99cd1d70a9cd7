import { readFileSync } from 'node:fs';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { postForm } from '../support/flow.ts';
import { chunk } from '../support/recording-upstream.ts';
import {
  type Lane,
  lanes,
  type OpenStream,
  startStreamHouse,
  type StreamHouse,
} from '../support/stream-house.ts';

let house: StreamHouse;

afterEach(() => house.close());

async function start(lane: Lane, env?: Record<string, string>): Promise<void> {
  house = await startStreamHouse(lane, env);
}

/** The upstream writes a piece, and no other before the client has it. */
async function passes({ heard, ...stream }: OpenStream, piece: string): Promise<void> {
  const before = stream.body();
  heard.socket.write(chunk(piece));
  const bytes = Buffer.from(piece).toString('latin1');
  await vi.waitFor(() => {
    expect(stream.body()).toBe(before + bytes);
  });
}

const listen = '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}';
const toolCall = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}';

describe.each(lanes)('an event stream with FAST_LANE=%s', (lane) => {
  it.each(['GET', 'POST'] as const)('passes each write of the upstream as it comes: %s', async (method) => {
    await start(lane);
    const stream = await house.open({ method, body: method === 'POST' ? toolCall : '' });
    const whole = ['id: 1\ndata:\nretry: 500\n\n', 'data: 2\r\n\r\n', ': a comment\n\n'];
    const cut = ['da', 'ta: 3\n', '\n', 'data: four and a ha', 'lf é\r\n\r', '\n'];
    for (const piece of [...whole, ...cut]) await passes(stream, piece);
    stream.heard.socket.write('0\r\n\r\n');
    await stream.ended;
    expect(stream.isWhole()).toBe(true);
  });

  it('passes what has come of a chunk before the rest of it has', async () => {
    await start(lane);
    const stream = await house.open();
    const [first, second] = ['9\r\ndata', ': 1\n\n\r\n0\r\n\r\n'];
    stream.heard.socket.write(first);
    await stream.until(/^data$/);
    stream.heard.socket.write(second);
    await stream.ended;
    expect(stream.body()).toBe('data: 1\n\n');
  });
});

describe.each(lanes)('SSE_KEEPALIVE_INTERVAL with FAST_LANE=%s', (lane) => {
  it('sends comments between events, never within one or into a coding', async () => {
    await start(lane, { SSE_KEEPALIVE_INTERVAL: '1s' });
    const silent = await house.open();
    const within = await house.open();
    const encoded = await house.open({ headers: 'content-encoding: gzip\r\n' });
    await passes(within, 'data: half');
    await silent.until(/^: keep-alive\n\n: keep-alive\n\n$/);
    expect([within.body(), encoded.body()]).toEqual(['data: half', '']);
    await passes(silent, 'data: 1\n\n');
    await passes(within, '\n\n');
    await within.until(/^data: half\n\n: keep-alive\n\n$/);
    expect(encoded.body()).toBe('');
  });

  it('is off unless it is set', async () => {
    await start(lane, { STREAM_IDLE_TIMEOUT: '1s' });
    const stream = await house.open();
    await stream.ended;
    expect(stream.body()).toBe('');
  });
});

describe.each(lanes)('STREAM_IDLE_TIMEOUT with FAST_LANE=%s', (lane) => {
  it('ends a stream that listens, cuts every other, and frees the upstream', async () => {
    await start(lane, { STREAM_IDLE_TIMEOUT: '1s', SSE_KEEPALIVE_INTERVAL: '1s' });
    const listening = await house.open();
    const within = await house.open();
    const call = await house.open({ method: 'POST', body: toolCall });
    await passes(within, 'data: half');
    await Promise.all([listening, within, call].map(({ ended }) => ended));
    expect([listening.isWhole(), within.isWhole(), call.isWhole()]).toEqual([true, false, false]);
    await Promise.all([listening, within, call].map(({ heard }) => heard.closed));
    const failures = house.gatehouse.events.filter(({ type }) => type === 'upstream_failed');
    expect(failures).toEqual([
      { type: 'upstream_failed', kind: 'timeout' },
      { type: 'upstream_failed', kind: 'timeout' },
    ]);
  });

  it('spares a stream with comments of its upstream', async () => {
    await start(lane, { STREAM_IDLE_TIMEOUT: '1s' });
    const alive = await house.open();
    const silent = await house.open();
    const ping = setInterval(() => alive.heard.socket.write(chunk(':\n\n')), 50);
    await silent.ended;
    clearInterval(ping);
    expect(alive.socket.destroyed).toBe(false);
    expect(alive.isWhole()).toBe(false);
  });
});

describe.each(lanes)('a shutdown with FAST_LANE=%s', (lane) => {
  it('ends a stream between two events, with a pause for its client', async () => {
    await start(lane);
    const stream = await house.open();
    await passes(stream, 'data: 1\n\n');
    const closed = house.gatehouse.gateway.close(3600);
    await stream.ended;
    const [, retry] = /^data: 1\n\nretry: (\d+)\n\n$/.exec(stream.body()) ?? [];
    expect(Number(retry)).toBeGreaterThanOrEqual(1000);
    expect(Number(retry)).toBeLessThanOrEqual(5000);
    expect(stream.isWhole()).toBe(true);
    await stream.heard.closed;
    await closed;
  });

  it.each(['\n\n', '\r\n\r\n', '\r\r'])('waits for the end of the event under way: %j', async (end) => {
    await start(lane);
    const stream = await house.open();
    await passes(stream, 'data: half');
    const closed = house.gatehouse.gateway.close(3600);
    for (const piece of [' of an event', end.slice(0, 1)]) await passes(stream, piece);
    stream.heard.socket.write(chunk(`${end.slice(1)}data: the next${end}`));
    await stream.ended;
    expect(stream.body()).toMatch(/^data: half of an event\s+retry: \d+\n\n$/);
    expect(stream.isWhole()).toBe(true);
    await closed;
  });

  it('cuts an event that does not end in time', async () => {
    await start(lane);
    const stream = await house.open();
    await passes(stream, 'data: half');
    await house.gatehouse.gateway.close(1);
    await stream.ended;
    expect(stream.body()).toBe('data: half');
    expect(stream.isWhole()).toBe(false);
  });

  it('adds nothing to a coding', async () => {
    await start(lane);
    const stream = await house.open({ headers: 'content-encoding: gzip\r\n' });
    await passes(stream, 'zipped');
    const closed = house.gatehouse.gateway.close(3600);
    await stream.ended;
    expect(stream.body()).toBe('zipped');
    await closed;
  });

  it('ends subscriptions, too, but no other answer', async () => {
    await start(lane);
    const subscription = await house.open({ method: 'POST', body: listen });
    const call = await house.open({ method: 'POST', body: toolCall });
    const closed = house.gatehouse.gateway.close(3600);
    await subscription.ended;
    expect([subscription.body(), subscription.isWhole()]).toEqual(['', true]);
    await passes(call, 'data: done\n\n');
    call.heard.socket.write('0\r\n\r\n');
    await call.ended;
    expect(call.isWhole()).toBe(true);
    await closed;
  });

  it('is preceded by readiness, and by a time in which all goes on', async () => {
    await start(lane);
    const stream = await house.open();
    // The test ends before the time does.
    void house.gatehouse.gateway.close(7200, 3600);
    const ready = await fetch(`http://127.0.0.1:${house.ports.metricsPort}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { status: 'shutting_down' }]);
    const late = await house.open();
    expect(late.head).toMatch(/\r\nconnection: close/i);
    await passes(late, 'data: 1\n\n');
    await passes(stream, 'data: 1\n\n');
  });
});

describe.each(lanes)('a revocation with FAST_LANE=%s', (lane) => {
  async function revoke(): Promise<void> {
    const { refreshToken, client } = house.tokens;
    const form = { token: refreshToken, client_id: client.clientId };
    expect((await postForm(house.gatehouse, '/revoke', form)).status).toBe(200);
  }

  it('ends a stream behind the event under way, without asking its client to wait', async () => {
    await start(lane);
    const [between, within] = [await house.open(), await house.open()];
    await passes(within, 'data: half');
    await revoke();
    await between.ended;
    within.heard.socket.write(chunk('\n\ndata: not theirs any more\n\n'));
    await within.ended;
    expect([between.body(), between.isWhole()]).toEqual(['', true]);
    expect([within.body(), within.isWhole()]).toEqual(['data: half\n\n', true]);
  });

  it('does not wait long for the end of an event', async () => {
    await start(lane);
    const stream = await house.open();
    await passes(stream, 'data: half');
    await revoke();
    await stream.ended;
    expect([stream.body(), stream.isWhole()]).toEqual(['data: half', false]);
    await stream.heard.closed;
  });
});

describe.each(lanes)('TCP_KEEPALIVE_INTERVAL with FAST_LANE=%s', (lane) => {
  it.each([
    ['30s', true],
    ['0', false],
  ])('asks silent peers on both sides: %s', async (interval, isAsked) => {
    await start(lane, { TCP_KEEPALIVE_INTERVAL: interval });
    const stream = await house.open();
    await passes(stream, 'data: 1\n\n');
    const { publicPort } = house.ports;
    const { localPort: clientPort = 0 } = stream.socket;
    const { localPort: upstreamPort = 0, remotePort: gatewayPort = 0 } = stream.heard.socket;
    await vi.waitFor(() => {
      expect(hasKeepAliveTimer(publicPort, clientPort)).toBe(isAsked);
      expect(hasKeepAliveTimer(gatewayPort, upstreamPort)).toBe(isAsked);
    });
  });
});

/** What the kernel says of the connection from one local port to another. Columns of /proc/net/tcp: 1 local, 2 remote, 5 timer. */
function hasKeepAliveTimer(localPort: number, remotePort: number): boolean {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFileSync(path, 'utf8')).join('');
  const hex = (port: number): string => `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = tables.split('\n').map((line) => line.trim().split(/\s+/));
  const line = lines.find(
    ([, local, remote]) =>
      local?.endsWith(hex(localPort)) === true && remote?.endsWith(hex(remotePort)) === true,
  );
  if (line === undefined) throw new Error('the kernel knows no such connection');
  return line[5]?.startsWith('02:') === true;
}
