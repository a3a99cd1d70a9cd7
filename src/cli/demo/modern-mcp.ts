import type { IncomingHttpHeaders } from 'node:http';

import { emptyAccepted, failure, findString } from './json-rpc.ts';
import type { HttpAnswer, Message, Messages } from './json-rpc.ts';
import { instructions, serverInfo } from './sample-server-info.ts';
import { callTool, toolListings } from './sample-tools.ts';
import type { CallerHeaders } from './sample-tools.ts';

const modernVersion = '2026-07-28';
const metaPrefix = 'io.modelcontextprotocol/';

/** `_meta` names a protocol version, or the header names one no older than the first modern revision. */
export function isModern({ messages }: Messages, headers: IncomingHttpHeaders): boolean {
  // ISO dates compare as text.
  const version = findString(headers['mcp-protocol-version']) ?? '';
  return (
    version >= modernVersion || messages.some((message) => metaOf(message, 'protocolVersion') !== undefined)
  );
}

/** Answers a POST of revision 2026-07-28. The headers mirror the body, and are held against it. */
export function answerModern(
  { isBatch, messages }: Messages,
  headers: IncomingHttpHeaders,
  caller: CallerHeaders,
): HttpAnswer {
  const [message] = messages;
  if (isBatch || message === undefined)
    return failure(400, null, -32600, 'One request or notification per POST');
  const refusal = message.id === undefined ? undefined : findRefusal(message, headers);
  if (refusal !== undefined) return refusal;
  return message.id === undefined ? emptyAccepted : runMethod(message, message.id, caller);
}

/** The revision's checks, in the order that gives the most telling answer. */
function findRefusal(message: Message, headers: IncomingHttpHeaders): HttpAnswer | undefined {
  const id = message.id ?? null;
  const version = metaOf(message, 'protocolVersion');
  if (typeof version !== 'string')
    return failure(400, id, -32602, `_meta lacks ${metaPrefix}protocolVersion`);
  const mismatch = findMismatch(message, version, headers);
  if (mismatch !== undefined) return failure(400, id, -32020, `${mismatch} differs from the body`);
  if (version !== modernVersion) {
    const data = { supported: [modernVersion], requested: version };
    return failure(400, id, -32022, 'Unsupported protocol version', data);
  }
  const capabilities = metaOf(message, 'clientCapabilities');
  if (typeof capabilities !== 'object' || capabilities === null) {
    return failure(400, id, -32602, `_meta lacks ${metaPrefix}clientCapabilities`);
  }
  return undefined;
}

/** Name of the first header that is missing or says something else than the body. */
function findMismatch(message: Message, version: string, headers: IncomingHttpHeaders): string | undefined {
  const mirrored: readonly (readonly [header: string, value: unknown])[] = [
    ['MCP-Protocol-Version', version],
    ['Mcp-Method', message.method],
    ...(message.method === 'tools/call' ? [['Mcp-Name', message.params['name']] as const] : []),
  ];
  return mirrored.find(([header, value]) => decodeHeader(headers[header.toLowerCase()]) !== value)?.[0];
}

/** Text outside safe ASCII travels as `=?base64?…?=`. */
function decodeHeader(value: string | string[] | undefined): string | undefined {
  const text = findString(value);
  const encoded = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(text ?? '')?.[1];
  return encoded === undefined ? text : Buffer.from(encoded, 'base64').toString('utf8');
}

function runMethod({ method, params }: Message, id: string | number, caller: CallerHeaders): HttpAnswer {
  switch (method) {
    case 'server/discover':
      return complete(id, {
        supportedVersions: [modernVersion],
        capabilities: { tools: {} },
        instructions,
        ...cacheable,
      });
    case 'tools/list':
      return complete(id, { tools: toolListings, ...cacheable });
    case 'tools/call': {
      const name = findString(params['name']) ?? '';
      const result = callTool(name, params['arguments'], caller);
      if (result === undefined) return failure(200, id, -32602, `Unknown tool: ${name}`);
      return complete(id, { ...result });
    }
    default:
      return failure(404, id, -32601, 'Method not found');
  }
}

/** The list is the same for everyone and for as long as the process lives. */
const cacheable = { ttlMs: 60_000, cacheScope: 'public' };

function complete(id: string | number, result: Record<string, unknown>): HttpAnswer {
  const _meta = { [`${metaPrefix}serverInfo`]: serverInfo };
  return { status: 200, body: { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result, _meta } } };
}

function metaOf({ params }: Message, name: string): unknown {
  const meta = params['_meta'];
  return typeof meta === 'object' && meta !== null ? Reflect.get(meta, metaPrefix + name) : undefined;
}
