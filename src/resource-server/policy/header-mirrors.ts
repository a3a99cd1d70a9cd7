import { headerValues } from '../../platform/http/raw-headers.ts';
import { isObject, type RpcMessage } from './rpc-messages.ts';

/** The revision from which on requests repeat in headers what their body says. */
const firstMirrored = '2026-07-28';
const revisionDate = /^\d{4}-\d{2}-\d{2}$/;
const versionMember = 'io.modelcontextprotocol/protocolVersion';

/** The member of `params` that `Mcp-Name` repeats. @see MCP 2026-07-28, transports; tasks extension */
const nameSource: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/**
 * The header that does not say what the body says; undefined when all do. Nothing is ever decided by such a header;
 * a request that says two things is refused, since somebody behind us may listen to the other one. Requests of the
 * revisions that have them must have them; where older ones have some, these must be true as well.
 * @see MCP 2026-07-28, transports, Server Validation
 */
export function findHeaderMismatch(
  rawHeaders: readonly string[],
  messages: readonly RpcMessage[],
  isBatch: boolean,
): string | undefined {
  const [version] = headerValues(rawHeaders, 'mcp-protocol-version');
  const [method] = headerValues(rawHeaders, 'mcp-method');
  const [name] = headerValues(rawHeaders, 'mcp-name');
  const [message] = messages;
  if (message === undefined || isBatch || message.kind === 'response') {
    return method === undefined && name === undefined ? undefined : 'Mcp-Method';
  }
  const said = saidVersion(message.params);
  const isRequired = message.kind === 'request' && (said !== undefined || isMirrored(version));
  if (said !== undefined && (version === undefined ? isRequired : version !== said)) {
    return 'MCP-Protocol-Version';
  }
  if (method === undefined ? isRequired : method !== message.method) return 'Mcp-Method';
  const source = nameSource.get(message.method);
  const named = source === undefined ? undefined : message.params?.[source];
  if (typeof named !== 'string') return undefined;
  return (name === undefined ? isRequired : decodeHeaderValue(name) !== named) ? 'Mcp-Name' : undefined;
}

/** Whether a message may be one of several: in the first revision with this transport, and where none is named. */
export function allowsBatch(rawHeaders: readonly string[]): boolean {
  const [version] = headerValues(rawHeaders, 'mcp-protocol-version');
  return version === undefined || version === '2025-03-26';
}

function saidVersion(params: unknown): string | undefined {
  const meta = isObject(params) ? params['_meta'] : undefined;
  const version = isObject(meta) ? meta[versionMember] : undefined;
  return typeof version === 'string' ? version : undefined;
}

function isMirrored(version: string | undefined): boolean {
  return version !== undefined && revisionDate.test(version) && version >= firstMirrored;
}

const safeValue = /^[\x20-\x7e]*$/;
const encodedValue = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/;

/** What a value means that may be encoded; undefined: it means nothing. @see MCP 2026-07-28, Value Encoding */
function decodeHeaderValue(value: string): string | undefined {
  if (!safeValue.test(value)) return undefined;
  const encoded = encodedValue.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, 'base64');
  // One spelling of each value, and none of what is no text.
  const text = bytes.toString('utf8');
  return bytes.toString('base64') === encoded && Buffer.from(text).equals(bytes) ? text : undefined;
}
