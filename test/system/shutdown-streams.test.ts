import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts';

let upstream: RecordingUpstream;
let gatehouse: TestGatehouse;

afterEach(async () => {
  await gatehouse.close();
  await upstream.close();
});

const eventStreamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';

/** A call to the mount whose upstream has heard of it and has not answered yet. */
async function openCall(method: 'GET' | 'POST') {
  upstream = await startRecordingUpstream();
  upstream.answer = () => undefined;
  gatehouse = await createTestGatehouse({ upstream: `${upstream.origin}/mcp` });
  const { accessToken } = await signIn(gatehouse);
  const { publicPort } = await gatehouse.listen();
  const call = httpRequest({
    host: '127.0.0.1',
    port: publicPort,
    method,
    path: '/mcp',
    agent: false,
    headers: { authorization: `Bearer ${accessToken}` },
  });
  call.on('error', () => undefined);
  call.end();
  return { call, heard: await upstream.request(0) };
}

function lastAccess(): Record<string, unknown> | undefined {
  const lines = gatehouse.logged().trim().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return parsed.findLast(({ msg, path }) => msg === 'request' && path === '/mcp');
}

describe('shutting down', () => {
  it('ends a listening stream that its upstream opens only then', async () => {
    const { call, heard } = await openCall('GET');
    const ended = gatehouse.gateway.close(3600);
    heard.socket.write(eventStreamHead);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    expect(answer.complete).toBe(true);
    await ended;
  });

  it('waits for the stream that answers a call', async () => {
    const { call, heard } = await openCall('POST');
    const ended = gatehouse.gateway.close(3600);
    heard.socket.write(`${eventStreamHead}9\r\ndata: 1\n\n\r\n`);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    let text = '';
    answer.on('data', (bytes: Buffer) => (text += bytes.toString()));
    await vi.waitFor(() => {
      expect(text).toBe('data: 1\n\n');
    });
    heard.socket.write('9\r\ndata: 2\n\n\r\n0\r\n\r\n');
    await once(answer, 'end');
    expect(text).toBe('data: 1\n\ndata: 2\n\n');
    await ended;
  });
});

describe('the deadline of a shutdown', () => {
  it('cuts what is left, says how much, logs each call and blames no upstream', async () => {
    const { heard } = await openCall('POST');
    heard.socket.write(`${eventStreamHead}9\r\ndata: 1\n\n\r\n`);
    await gatehouse.gateway.close(0);
    const log = gatehouse.logged();
    expect(log).toContain('"calls":1,"msg":"shutdown_inflight_grace_expired"');
    expect(lastAccess()).toMatchObject({ method: 'POST', sub: 'alice' });
    expect(gatehouse.events.map(({ type }) => type)).not.toContain('upstream_failed');
  });

  it('says nothing when nothing is left', async () => {
    const { call, heard } = await openCall('POST');
    heard.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    await gatehouse.gateway.close(3600);
    expect(gatehouse.logged()).not.toContain('shutdown_inflight_grace_expired');
  });
});

describe('a call whose client leaves before the answer', () => {
  it('is logged as 499, as nothing was sent', async () => {
    const { call, heard } = await openCall('POST');
    call.destroy();
    await heard.closed;
    await vi.waitFor(() => {
      expect(lastAccess()).toMatchObject({ status: 499, sub: 'alice' });
    });
  });
});
