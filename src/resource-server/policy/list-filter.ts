import { isUtf8 } from 'node:buffer';

import {
  elementsOf,
  membersOf,
  type MemberSpan,
  type Span,
  startOfValue,
} from '../../services/requests/json-spans.ts';
import { type JsonLimits, readStrictJson } from '../../services/requests/strict-json.ts';
import { type ListMember, listMembers } from './operations.ts';
import { rpcErrors, type RpcId } from './rpc-messages.ts';

/** Whether somebody may use an item that a list names. */
export type IsShown = (list: ListMember, name: string) => boolean;

/** The text as it may go out, the very same where nothing is taken away; undefined: nobody can tell what it shows. */
export type ListFilter = (bytes: Buffer) => Buffer | undefined;

const limits: JsonLimits = { maxDepth: 256, maxValues: 2_000_000 };
const wanted = Object.keys(listMembers).map((member) => `"${member}"`);
/** How any letter of ASCII begins that is written with an escape. */
const escapedLetter = String.raw`\u00`;

/**
 * Takes out of results what somebody may not use. Every result counts that has such a list, whatever was asked: clients
 * choose the ids of their requests, and a server that has seen one twice answers where it should not. Everything else
 * stays as its author wrote it, byte for byte.
 * @param expected lists that were asked for, by the id of the request: their results must have them
 */
export function createListFilter(isShown: IsShown, expected: ReadonlyMap<RpcId, ListMember>): ListFilter {
  return (bytes) => {
    // Most answers have none, and are not looked into any further.
    if (expected.size === 0 && !mayHaveList(bytes)) return bytes;
    if (!isUtf8(bytes)) return undefined;
    const text = bytes.toString('utf8');
    const reading = readStrictJson(text, limits);
    if (reading.outcome === 'refused') return undefined;
    const start = startOfValue(text);
    const messages = text[start] === '[' ? elementsOf(text, start).map((element) => element.start) : [start];
    const taken = messages.map((message) => findHidden(text, message, isShown, expected));
    if (taken.includes(undefined)) return undefined;
    const lists = taken.flatMap((found) => found ?? []);
    return lists.length === 0 ? bytes : Buffer.from(replaceLists(text, lists));
  };
}

/** A list that does not go out as it is. */
interface ReducedList extends Span {
  readonly kept: readonly Span[];
}

function mayHaveList(bytes: Buffer): boolean {
  return bytes.includes(escapedLetter) || wanted.some((name) => bytes.includes(name));
}

/** The lists of a message that have something hidden in them; undefined: they cannot be told. */
function findHidden(
  text: string,
  start: number,
  isShown: IsShown,
  expected: ReadonlyMap<RpcId, ListMember>,
): readonly ReducedList[] | undefined {
  // A batch within a batch is nothing that JSON-RPC knows.
  if (text[start] !== '{') return text[start] === '[' ? undefined : [];
  const message = membersOf(text, start);
  if (hasEscape(message)) return undefined;
  const result = find(message, 'result');
  if (result === undefined) return [];
  const id = find(message, 'id');
  const asked = id && expected.get(JSON.parse(text.slice(id.start, id.end)) as RpcId);
  if (text[result.start] !== '{') return asked === undefined ? [] : undefined;
  const members = membersOf(text, result.start);
  if (hasEscape(members)) return undefined;
  const lists = members.filter(({ name, value }) => isListMember(name) && text[value.start] === '[');
  if (asked !== undefined && !lists.some(({ name }) => name === asked)) return undefined;
  return lists
    .map(({ name, value }) => reduce(text, name as ListMember, value, isShown))
    .filter((list) => list !== undefined);
}

function reduce(text: string, list: ListMember, span: Span, isShown: IsShown): ReducedList | undefined {
  const items = elementsOf(text, span.start);
  const kept = items.filter((item) => {
    const name = nameOf(text, item, listMembers[list]);
    return name !== undefined && isShown(list, name);
  });
  return kept.length === items.length ? undefined : { ...span, kept };
}

/** How an item is named; undefined: it is not, and nobody could be allowed it. */
function nameOf(text: string, item: Span, member: string): string | undefined {
  if (text[item.start] !== '{') return undefined;
  const members = membersOf(text, item.start);
  const name = find(members, member);
  if (name === undefined || text[name.start] !== '"') return undefined;
  return JSON.parse(text.slice(name.start, name.end)) as string;
}

function replaceLists(text: string, lists: readonly ReducedList[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, kept } of lists) {
    parts.push(
      text.slice(at, start),
      '[',
      kept.map((item) => text.slice(item.start, item.end)).join(','),
      ']',
    );
    at = end;
  }
  parts.push(text.slice(at));
  return parts.join('');
}

function find(members: readonly MemberSpan[], wantedName: string): Span | undefined {
  return members.find(({ name }) => name === wantedName)?.value;
}

function hasEscape(members: readonly MemberSpan[]): boolean {
  return members.some(({ name }) => name.includes('\\'));
}

function isListMember(name: string): name is ListMember {
  return Object.hasOwn(listMembers, name);
}

/** What a client hears in place of a list that nobody could read. */
export function describeUnreadable(id: RpcId | undefined): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    ...(id === undefined ? {} : { id }),
    error: { code: rpcErrors.internal, message: 'The MCP server gave a list that cannot be checked' },
  });
}
