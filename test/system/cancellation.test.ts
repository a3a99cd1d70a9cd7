import { afterEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import {
  type Answer,
  chunk,
  type RecordingUpstream,
  startRecordingUpstream,
} from '../support/recording-upstream.ts';

const headOf = (type: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;
const silence: Answer = async (request) => {
  await request.complete;
};
const beginning =
  (type: string, first: string): Answer =>
  async (request, socket) => {
    await request.complete;
    socket.write(headOf(type) + chunk(first));
  };

/** What the client asks and what the upstream has said when the client leaves. */
const moments: readonly (readonly [string, string, Answer, RegExp | undefined])[] = [
  ['a call before its answer', 'POST', silence, undefined],
  ['a call within a JSON answer', 'POST', beginning('application/json', '{"a":'), /"a":/],
  ['a call within a stream of events', 'POST', beginning('text/event-stream', 'data: 1\n\n'), /data: 1/],
  ['a listening stream before its head', 'GET', silence, undefined],
  ['a listening stream', 'GET', beginning('text/event-stream', 'id: 1\ndata:\n\n'), /id: 1/],
];

describe.each(lanes)(
  'a client that closes its response stream, on the %s (MCP "Cancellation")',
  (_lane, lane) => {
    let house: AttackedHouse<RecordingUpstream>;

    afterEach(async () => {
      expect(house.internalErrors()).toEqual([]);
      await house.close();
    });

    it.each(moments)('frees the upstream at once: %s', async (_moment, method, answer, seen) => {
      const upstream = await startRecordingUpstream();
      upstream.answer = answer;
      house = await startAttackedHouse(upstream, lane);
      const body = method === 'POST' ? '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' : '';
      const connection = house.connect();
      connection.socket.write(
        `${method} /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nAuthorization: Bearer ${house.issue()}\r\n` +
          `Content-Type: application/json\r\n${body === '' ? '' : `Content-Length: ${body.length}\r\n`}\r\n${body}`,
      );
      const request = await upstream.request(0);
      await request.complete;
      if (seen !== undefined) await connection.until(seen);
      connection.socket.destroy();

      await request.closed;
      // Leaving is the message: nothing is said in the client's name.
      expect(upstream.requests).toHaveLength(1);
    });
  },
);
