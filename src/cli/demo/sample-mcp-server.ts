// A small MCP server for trying things out, written on node:http so that every header is in sight. It knows nothing of
// OAuth: whoever reaches it may call it, which is why it listens on loopback only and stands behind the gatehouse.
//
// It speaks Streamable HTTP in both eras and keeps no state: `initialize` and a missing `_meta` mean legacy
// (2025-03-26 to 2025-11-25, without sessions), `_meta` with a protocol version means modern (2026-07-28).
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { answerLegacy } from './legacy-mcp.ts';
import { closeServer, listenOn } from './listening.ts';
import { failure, parseMessages } from './json-rpc.ts';
import type { HttpAnswer } from './json-rpc.ts';
import { answerModern, isModern } from './modern-mcp.ts';
import type { CallerHeaders } from './sample-tools.ts';

export interface SampleMcpServer {
  /** Where MCP is spoken: `http://127.0.0.1:9401/mcp`. */
  readonly url: string;
  close(): Promise<void>;
}

const path = '/mcp';
const maxBodyBytes = 1_048_576;

/** Starts the sample server on 127.0.0.1; port 0 is any free one. Rejects with `EADDRINUSE` when the port is taken. */
export async function startSampleMcpServer(settings: { readonly port: number }): Promise<SampleMcpServer> {
  const server = createServer((request, response) => {
    answer(request)
      .catch(() => failure(500, null, -32603, 'Internal error'))
      .then((result) => {
        send(response, result);
      })
      .catch(() => {
        response.destroy();
      });
  });
  const origin = await listenOn(server, '127.0.0.1', settings.port);
  return { url: origin + path, close: () => closeServer(server) };
}

/** Refusals in this order; what is left is JSON-RPC in a POST. */
async function answer(request: IncomingMessage): Promise<HttpAnswer> {
  const target = (request.url ?? '').split('?', 1)[0];
  if (target !== path) return failure(404, null, -32600, `MCP is spoken at ${path}`);
  if (!isLocalOrigin(request.headers.origin)) return failure(403, null, -32600, 'Origin is not allowed');
  if (request.method !== 'POST') {
    // No stream to open and no session to end: both eras allow 405 here.
    return { ...failure(405, null, -32600, 'Only POST is supported'), headers: { allow: 'POST' } };
  }
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    return failure(415, null, -32600, 'Content-Type must be application/json');
  }
  const body = await readBody(request);
  if (body === undefined) {
    return { ...failure(413, null, -32600, 'The body is too large'), headers: { connection: 'close' } };
  }
  const parsed = parseMessages(body);
  if (parsed.outcome === 'refused') return parsed.answer;
  const caller = callerHeaders(request);
  return isModern(parsed, request.headers)
    ? answerModern(parsed, request.headers, caller)
    : answerLegacy(parsed, request.headers, caller);
}

/** Counts as it reads; the rest of a body that is too large is left unread. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let received = 0;
  // Left early, the stream stays whole: the refusal still has to travel on its connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    received += chunk.byteLength;
    if (received > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** DNS rebinding: a browser page from elsewhere must not reach a server on loopback. No Origin: no browser. */
function isLocalOrigin(origin: string | undefined): boolean {
  return origin === undefined || /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(origin);
}

function callerHeaders(request: IncomingMessage): CallerHeaders {
  const identity = Object.entries(request.headers).filter(([name]) => name.startsWith('x-user-'));
  return new Map(identity.map(([name, value]) => [name, String(value)]));
}

function send(response: ServerResponse, { status, body, headers }: HttpAnswer): void {
  if (body === undefined) {
    response.writeHead(status, headers).end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
