import { once } from 'node:events';

import { afterEach, describe, expect, it } from 'vitest';

import { type ProxiedPath, startProxiedPath } from '../support/proxied-path.ts';
import { chunk, replyJson, replyRaw } from '../support/recording-upstream.ts';

const streamHead = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
let path: ProxiedPath;

afterEach(async () => {
  expect(path.internalErrors).toEqual([]);
  await path.close();
});

describe('K. what passes through the mount', () => {
  it('144: sends nothing to the upstream in the name of a client that leaves', async () => {
    path = await startProxiedPath();
    path.upstream.answer = async (_request, socket) => {
      socket.write(streamHead + chunk('data: 1\n\n'));
    };
    const headers = { 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': 'session-1' };
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}';
    const answer = await path.call({ body, headers });
    await once(answer.message, 'data');
    answer.message.destroy();
    await (
      await path.upstream.request(0)
    ).closed;
    await path.reported(1);

    path.upstream.answer = replyJson({});
    expect((await path.call({ body: '{}', headers })).status).toBe(200);
    expect(path.upstream.requests.map((request) => request.body())).toEqual([body, '{}']);
  });

  it('150: passes ids, retry and empty events byte for byte, and the id back', async () => {
    path = await startProxiedPath();
    const events =
      'id: stream-1/0\nretry: 500\ndata:\n\n: comment\nid: stream-1/1\nevent: message\ndata: {}\n\n';
    path.upstream.answer = replyRaw(`${streamHead}${chunk(events)}0\r\n\r\n`);
    const headers = { 'last-event-id': 'stream-1/0', accept: 'text/event-stream' };
    const answer = await path.call({ method: 'GET', headers });
    expect(await answer.text()).toBe(events);
    expect(path.upstream.requests[0]?.header('last-event-id')).toEqual(['stream-1/0']);
  });

  it('158: asks the upstream each time, however long an answer may be kept', async () => {
    path = await startProxiedPath();
    path.upstream.answer = (request, socket) => {
      const shared = { 'cache-control': 'public, max-age=31536000', etag: '"1"', expires: 'never' };
      const answer = {
        result: { ttlMs: 3_600_000, cacheScope: 'public', asked: path.upstream.requests.length },
      };
      return replyJson(answer, shared)(request, socket);
    };
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    for (const [asked, subject] of [
      [1, 'alice'],
      [2, 'alice'],
      [3, 'bob'],
    ] as const) {
      const answer = await path.call({ body, bearer: path.issue({ grantId: `grant-of-${subject}` }) });
      expect(await answer.json()).toMatchObject({ result: { asked } });
    }
  });
});
