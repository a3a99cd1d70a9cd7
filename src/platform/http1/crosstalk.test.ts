import { TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it, vi } from 'vitest';

import { createTestAuthority } from '../../../test/support/certificates.ts';
import { RecordingSink, sendTo } from '../../../test/support/recording-sink.ts';
import { type ScriptedConnection, ScriptedUpstream } from '../../../test/support/scripted-upstream.ts';
import { createHttpClient } from './http-client.ts';
import type { HttpClient } from './response-sink.ts';

const authority = createTestAuthority();
const certificate = authority.issue('IP:127.0.0.1');
afterAll(() => authority.close());

const requests = 1_500;
const atOnce = 25;

describe('an upstream that misbehaves at random', () => {
  it.each(['http', 'https'])(
    'gives nobody the answer to another over %s, and ends every request',
    async (scheme) => {
      const random = createRandom(20_261_121);
      const tls = scheme === 'https' ? { tls: certificate } : {};
      const upstream = await ScriptedUpstream.listen((peer) => misbehave(peer, random), tls);
      const timeouts = { connectTimeoutMs: 5_000, headerTimeoutMs: 5_000 };
      const client = createHttpClient({
        origin: upstream.origin,
        ...timeouts,
        tls: { ca: [authority.cert] },
      });
      const outcomes = new Map<string, number>();
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < requests) {
          next += 1;
          const outcome = await tryOne(client, next, random);
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
      for (const outcome of ['answered', 'reset', 'malformed', 'aborted']) {
        expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(requests / 100);
      }
      // Whatever was odd has been let go of; what is left is idle.
      await vi.waitFor(() => expect(upstream.open.length).toBeLessThanOrEqual(atOnce));
      client.close();
      await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
      await upstream.close();
    },
  );
});

/** @returns what became of it, once it is sure that no byte in it was another's */
async function tryOne(client: HttpClient, number: number, random: () => number): Promise<string> {
  const sink = new RecordingSink();
  const isPost = random() < 0.5;
  const aborts = random() < 0.1;
  const body = Buffer.from(`body ${String(number)}`);
  const request = { target: `/${String(number)}`, ...(isPost ? { method: 'POST', body } : {}) };
  const { exchange } = sendTo(client, request, sink);
  const expected = bodyOf(`/${String(number)}`);
  if (aborts) {
    await Promise.race([sink.until('read done'), sink.over]);
    exchange.abort();
  } else await sink.over;
  expect(sink.told.filter((event) => event === 'end' || event.startsWith('failure')).length).toBeLessThan(2);
  expect(expected.startsWith(sink.body), `${expected} against ${sink.body}`).toBe(true);
  if (sink.failure !== undefined) return sink.failure;
  if (!sink.told.includes('end')) return 'aborted';
  expect(sink.body).toBe(expected);
  return 'answered';
}

function bodyOf(target: string): string {
  return `answer to ${target} `.repeat(5);
}

function misbehave(peer: ScriptedConnection, random: () => number): void {
  const target = /^(?:GET|POST) (\S+) HTTP/m.exec(peer.received.slice(lastRequest(peer.received)))?.[1] ?? '';
  const body = bodyOf(target);
  const half = body.slice(0, Math.floor(random() * body.length));
  const counted = `HTTP/1.1 200 OK\r\nContent-Length: ${String(body.length)}\r\n\r\n`;
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  const chunk = `${body.length.toString(16)}\r\n${body}\r\n`;
  const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
  const kinds: Array<() => unknown> = [
    () => peer.send(counted + body),
    () => peer.send(`${chunked}${chunk}0\r\n\r\n`),
    () => peer.sendByteWise(`${chunked}${chunk}0\r\n\r\n`),
    () => peer.send(`HTTP/1.1 103 Early Hints\r\n\r\n${counted}${body}`),
    () => peer.send(counted + body + evil),
    () => peer.send(`${chunked}${chunk}0\r\n\r\n${evil}`),
    () => peer.send(`${counted}${body}${evil.slice(0, 1)}`),
    () => peer.socket.end(counted + half),
    () => peer.socket.end(chunked + chunk),
    () => peer.socket.end(counted + body),
    () => peer.socket.destroy(),
    () => {
      peer.send(counted + half);
      setImmediate(() => cut(peer));
    },
    () => peer.send(`${chunked}${chunk}zz\r\n`),
    () => peer.send(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n${counted.slice(17)}${body}`),
    () => {
      peer.send(counted + half);
      setTimeout(() => peer.send(body.slice(half.length)), 3);
    },
  ];
  kinds[Math.floor(random() * kinds.length)]?.();
}

function cut({ socket }: ScriptedConnection): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

function lastRequest(received: string): number {
  return Math.max(received.lastIndexOf('GET /'), received.lastIndexOf('POST /'));
}

/** Numbers in [0, 1) that are the same in every run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
