import { isUtf8 } from 'node:buffer';

import { type JsonLimits, type JsonObject, readStrictJson } from '../../services/requests/strict-json.ts';

/** One JSON-RPC message of a client, as the server will read it: there is no second way to. */
export type RpcMessage =
  | {
      readonly kind: 'request';
      readonly id: RpcId;
      readonly method: string;
      readonly params: JsonObject | undefined;
    }
  | { readonly kind: 'notification'; readonly method: string; readonly params: JsonObject | undefined }
  /** To a question of the server's. */
  | { readonly kind: 'response' };

export type RpcId = string | number;

export type RpcReading =
  | {
      readonly outcome: 'read';
      /** At least one. */
      readonly messages: readonly RpcMessage[];
      readonly isBatch: boolean;
      /** The whole body. */
      readonly value: unknown;
    }
  | {
      readonly outcome: 'refused';
      readonly code: RpcErrorCode;
      /** Safe for strangers. */
      readonly problem: string;
      /** Of the message, where it could be read that far. */
      readonly id?: RpcId | undefined;
    };

/** @see JSON-RPC 2.0 §5.1; MCP 2026-07-28 for the mismatch of headers */
export const rpcErrors = {
  parse: -32_700,
  invalidRequest: -32_600,
  invalidParams: -32_602,
  internal: -32_603,
  headerMismatch: -32_020,
  /** Ours: outside of the codes that JSON-RPC keeps for itself and for MCP. */
  denied: 403,
} as const;

export type RpcErrorCode = (typeof rpcErrors)[keyof typeof rpcErrors];

const limits: JsonLimits = { maxDepth: 128, maxValues: 100_000 };

/** Members that something is decided by. Some parsers do not tell cases apart, and take `Method` for `method`. */
const messageMembers = memberNames('jsonrpc', 'id', 'method', 'params', 'result', 'error');
const parameterMembers = memberNames('name', 'uri', 'ref', 'notifications', 'taskId', '_meta');
const innerMembers = memberNames('type', 'name', 'uri', 'resourceSubscriptions');
/** Methods whose `params` have an object of which a rule reads members. */
const innerObject: ReadonlyMap<string, string> = new Map([
  ['completion/complete', 'ref'],
  ['subscriptions/listen', 'notifications'],
]);

type Refused = Extract<RpcReading, { outcome: 'refused' }>;

/**
 * Reads the body of a POST so that nobody can read it otherwise: UTF-8, one JSON document, no name twice, no member
 * that decides anything in another case or with an escape, JSON-RPC 2.0 and nothing that is two kinds of message at once.
 * @see JSON-RPC 2.0, RFC 7493
 */
export function readRpcMessages(body: Buffer): RpcReading {
  if (!isUtf8(body)) return refuse(rpcErrors.parse, 'The body is not UTF-8');
  const reading = readStrictJson(body.toString('utf8'), limits);
  if (reading.outcome === 'refused') return refuse(rpcErrors.parse, `The body ${reading.problem}`);
  const { value, escapedNameDepth } = reading;
  const isBatch = Array.isArray(value);
  const items: readonly unknown[] = isBatch ? value : [value];
  if (items.length === 0) return refuse(rpcErrors.invalidRequest, 'The batch is empty');
  const messages: RpcMessage[] = [];
  for (const item of items) {
    const message = readMessage(item, escapedNameDepth - (isBatch ? 1 : 0));
    if ('outcome' in message) return message;
    messages.push(message);
  }
  return { outcome: 'read', messages, isBatch, value };
}

function readMessage(value: unknown, escapedNameDepth: number): RpcMessage | Refused {
  if (!isObject(value)) return refuse(rpcErrors.invalidRequest, 'A message is not an object');
  const { id: wireId, method, params } = value as { id?: unknown; method?: unknown; params?: unknown };
  const id = isRpcId(wireId) ? wireId : undefined;
  const invalid = (problem: string): Refused => refuse(rpcErrors.invalidRequest, problem, id);
  if (escapedNameDepth <= 2) return invalid('A member name of the message is written with an escape');
  if (hasLookAlike(value, messageMembers)) return invalid('A member of the message has another case');
  if (value['jsonrpc'] !== '2.0') return invalid('The message is not JSON-RPC 2.0');
  if (Object.hasOwn(value, 'id') && id === undefined) return invalid('The id is no string or number');
  const isAnswer = Object.hasOwn(value, 'result') || Object.hasOwn(value, 'error');
  if (method === undefined) {
    return isAnswer ? { kind: 'response' } : invalid('The message has no method');
  }
  if (isAnswer) return invalid('The message is a request and a response');
  if (typeof method !== 'string' || !isPlainName(method)) return invalid('The method is no plain text');
  if (params !== undefined && !isObject(params)) return invalid('The params are not an object');
  if (params !== undefined && hasHiddenMember(method, params, escapedNameDepth)) {
    return invalid('A member of the params can be read in two ways');
  }
  return id === undefined
    ? { kind: 'notification', method, params }
    : { kind: 'request', id, method, params };
}

function hasHiddenMember(method: string, params: JsonObject, escapedNameDepth: number): boolean {
  if (hasLookAlike(params, parameterMembers)) return true;
  const inner = innerObject.get(method);
  if (inner === undefined) return false;
  // Nobody has to escape a name in these requests.
  if (escapedNameDepth !== Infinity) return true;
  const value = params[inner];
  return isObject(value) && hasLookAlike(value, innerMembers);
}

interface MemberNames {
  readonly exact: ReadonlySet<string>;
  readonly folded: ReadonlySet<string>;
}

function memberNames(...names: readonly string[]): MemberNames {
  return { exact: new Set(names), folded: new Set(names.map(fold)) };
}

/** Whether a member is one of these but for its case. */
function hasLookAlike(value: JsonObject, { exact, folded }: MemberNames): boolean {
  for (const name in value) if (!exact.has(name) && folded.has(fold(name))) return true;
  return false;
}

/** Two letters of other alphabets are ASCII ones in another case: each way shows one of them. */
function fold(name: string): string {
  return name.toLowerCase().toUpperCase();
}

const unplain = /[\p{Cc}\p{Zl}\p{Zp}]|^\s|\s$/u;

/**
 * Whether a text names one thing to everybody: some servers cut the ends of a name, or end it at a NUL, or replace half a
 * character.
 */
export function isPlainName(text: string): boolean {
  return text !== '' && text.isWellFormed() && !unplain.test(text);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRpcId(value: unknown): value is RpcId {
  return typeof value === 'string' || typeof value === 'number';
}

function refuse(code: RpcErrorCode, problem: string, id?: RpcId): Refused {
  return { outcome: 'refused', code, problem, id };
}
