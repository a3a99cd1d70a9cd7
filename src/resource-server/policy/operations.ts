import type { Operation, OperationKind } from '../../services/policy/rule.ts';
import type { JsonObject } from '../../services/requests/strict-json.ts';
import { isObject, isPlainName } from './rpc-messages.ts';

/** How the params of a method name what it is about. */
const namedBy: ReadonlyMap<string, { readonly kind: OperationKind; readonly member: string }> = new Map([
  ['tools/call', { kind: 'tool', member: 'name' }],
  ['prompts/get', { kind: 'prompt', member: 'name' }],
  ['resources/read', { kind: 'resource', member: 'uri' }],
  ['resources/subscribe', { kind: 'resource', member: 'uri' }],
  ['resources/unsubscribe', { kind: 'resource', member: 'uri' }],
]);

/** What a message asks for: at least one thing. Undefined: its params do not say it in plain text. */
export function operationsOf(
  method: string,
  params: JsonObject | undefined,
): readonly Operation[] | undefined {
  const naming = namedBy.get(method);
  if (naming !== undefined) {
    const operation = name(naming.kind, method, params?.[naming.member]);
    return operation && [operation];
  }
  if (method === 'completion/complete') {
    const operation = complete(method, params?.['ref']);
    return operation && [operation];
  }
  const itself: Operation = { kind: 'method', method, name: '' };
  if (method !== 'subscriptions/listen') return [itself];
  const resources = subscribed(method, params?.['notifications']);
  return resources && [itself, ...resources];
}

function name(kind: OperationKind, method: string, value: unknown): Operation | undefined {
  return typeof value === 'string' && isPlainName(value) ? { kind, method, name: value } : undefined;
}

/** What a prompt or a template can be completed with tells of it. */
function complete(method: string, ref: unknown): Operation | undefined {
  if (!isObject(ref)) return undefined;
  if (ref['type'] === 'ref/prompt') return name('prompt', method, ref['name']);
  return ref['type'] === 'ref/resource' ? name('resource', method, ref['uri']) : undefined;
}

/** @see MCP 2026-07-28, subscriptions */
function subscribed(method: string, notifications: unknown): readonly Operation[] | undefined {
  const uris = isObject(notifications) ? (notifications['resourceSubscriptions'] ?? []) : [];
  if (!Array.isArray(uris)) return undefined;
  const operations = uris.map((uri) => name('resource', method, uri));
  return operations.every((operation) => operation !== undefined) ? operations : undefined;
}

/** What somebody does with a member of a list, once it is shown. */
export function useOf(list: ListMember, value: string): Operation | undefined {
  const { kind, method } = uses[list];
  return name(kind, method, value);
}

/** The members of results that are lists, and by which of its members an item is named there. */
export const listMembers = {
  tools: 'name',
  prompts: 'name',
  resources: 'uri',
  resourceTemplates: 'uriTemplate',
} as const;

export type ListMember = keyof typeof listMembers;

const uses: Readonly<Record<ListMember, { readonly kind: OperationKind; readonly method: string }>> = {
  tools: { kind: 'tool', method: 'tools/call' },
  prompts: { kind: 'prompt', method: 'prompts/get' },
  resources: { kind: 'resource', method: 'resources/read' },
  resourceTemplates: { kind: 'resource', method: 'resources/read' },
};

/** Methods whose result is a list. */
export const listOf: ReadonlyMap<string, ListMember> = new Map([
  ['tools/list', 'tools'],
  ['prompts/list', 'prompts'],
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resourceTemplates'],
]);
