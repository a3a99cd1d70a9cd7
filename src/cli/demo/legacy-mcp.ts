import type { IncomingHttpHeaders } from 'node:http';

import { emptyAccepted, failure, findString } from './json-rpc.ts';
import type { HttpAnswer, Message, Messages, MethodOutcome } from './json-rpc.ts';
import { instructions, serverInfo } from './sample-server-info.ts';
import { callTool, toolListings } from './sample-tools.ts';
import type { CallerHeaders } from './sample-tools.ts';

/** Newest first: what `initialize` falls back to. */
const legacyVersions: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26'];

/** Answers a POST of the revisions 2025-03-26 to 2025-11-25, without a session. */
export function answerLegacy(
  { isBatch, messages }: Messages,
  headers: IncomingHttpHeaders,
  caller: CallerHeaders,
): HttpAnswer {
  // 2025-11-25: without the header "the server SHOULD assume protocol version 2025-03-26".
  const version = findString(headers['mcp-protocol-version']) ?? '2025-03-26';
  if (!legacyVersions.includes(version)) {
    return failure(400, messages[0]?.id ?? null, -32600, `Protocol version is not supported: ${version}`);
  }
  // Batches were part of 2025-03-26 only.
  if (isBatch && version !== '2025-03-26') return failure(400, null, -32600, 'Batches are not supported');
  const answers = messages.flatMap((message) => answerMessage(message, caller));
  if (answers.length === 0) return emptyAccepted;
  return { status: 200, body: isBatch ? answers : answers[0] };
}

function answerMessage(message: Message, caller: CallerHeaders): unknown[] {
  if (message.id === undefined) return [];
  return [{ jsonrpc: '2.0', id: message.id, ...runMethod(message, caller) }];
}

function runMethod({ method, params }: Message, caller: CallerHeaders): MethodOutcome {
  switch (method) {
    case 'initialize':
      return { result: initializeResult(findString(params['protocolVersion'])) };
    case 'ping':
      return { result: {} };
    case 'tools/list':
      return { result: { tools: toolListings } };
    case 'tools/call': {
      const name = findString(params['name']) ?? '';
      const result = callTool(name, params['arguments'], caller);
      if (result === undefined) return { error: { code: -32602, message: `Unknown tool: ${name}` } };
      return { result: { ...result } };
    }
    default:
      return { error: { code: -32601, message: 'Method not found' } };
  }
}

function initializeResult(requested: string | undefined): Record<string, unknown> {
  const agreed =
    requested !== undefined && legacyVersions.includes(requested) ? requested : legacyVersions[0];
  return { protocolVersion: agreed, capabilities: { tools: {} }, serverInfo, instructions };
}
