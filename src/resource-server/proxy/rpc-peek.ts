/** What a JSON-RPC body seems to ask for. For logs and metrics alone: nothing is allowed or refused by it. */
export interface RpcPeek {
  /** At most 128 characters; the methods of a batch are joined by commas. */
  readonly method: string | undefined;
  /** `params.name` of `tools/call`, at most 128 characters; joined like the methods. */
  readonly tool: string | undefined;
  /** At most 64 characters; of a batch none. */
  readonly id: string | undefined;
  readonly batch: boolean;
  /** One entry for each `tools/call`, `_unknown` where it names no tool. */
  readonly toolCalls: readonly string[];
}

interface Call {
  readonly method: string | undefined;
  readonly tool: string | undefined;
  readonly id: string | undefined;
}

const unknownTool = '_unknown';
const none: readonly string[] = [];
const maxNameLength = 128;
const maxIdLength = 64;
/** Calls of a batch that are looked at. */
const maxCalls = 100;

/** Whether a body of this type and length is one to look into. */
export function isPeekable(
  contentType: string | undefined,
  contentLength: number | undefined,
  maxBytes: number,
): boolean {
  if (contentLength === undefined || contentLength === 0 || contentLength > maxBytes) return false;
  return /^application\/json\s*(?:;|$)/i.test(contentType ?? '');
}

/** Looks into a body. Undefined for anything that is no JSON-RPC; never throws. */
export function peekRpc(body: Buffer): RpcPeek | undefined {
  try {
    return describeRpc(JSON.parse(body.toString('utf8')));
  } catch {
    return undefined;
  }
}

/** The same of a body that was read already. */
export function describeRpc(value: unknown): RpcPeek | undefined {
  if (Array.isArray(value)) return peekBatch(value);
  const call = readCall(value);
  if (call === undefined) return undefined;
  const { method, tool, id } = call;
  const toolCalls = method === 'tools/call' ? [tool ?? unknownTool] : none;
  return { method, tool, id, batch: false, toolCalls };
}

function peekBatch(values: readonly unknown[]): RpcPeek | undefined {
  const calls = values
    .slice(0, maxCalls)
    .map(readCall)
    .filter((call) => call !== undefined);
  if (calls.length === 0) return undefined;
  return {
    method: join(calls.map((call) => call.method)),
    tool: join(calls.map((call) => call.tool)),
    id: undefined,
    batch: true,
    toolCalls: toolCallsOf(calls),
  };
}

function readCall(value: unknown): Call | undefined {
  if (!isRecord(value)) return undefined;
  const method = typeof value['method'] === 'string' ? sanitise(value['method'], maxNameLength) : undefined;
  const params = value['params'];
  const name = method === 'tools/call' && isRecord(params) ? params['name'] : undefined;
  const id = value['id'];
  return {
    method,
    tool: typeof name === 'string' ? sanitise(name, maxNameLength) : undefined,
    id: typeof id === 'string' || typeof id === 'number' ? sanitise(String(id), maxIdLength) : undefined,
  };
}

function toolCallsOf(calls: readonly Call[]): readonly string[] {
  return calls.filter((call) => call.method === 'tools/call').map((call) => call.tool ?? unknownTool);
}

const clean = /^[A-Za-z0-9._:/+-]+$/;

/** A log line and a label hold these characters and no others, whoever chose the name. */
function sanitise(value: string, maxLength: number): string | undefined {
  if (value.length <= maxLength && clean.test(value)) return value;
  return value.slice(0, maxLength).replaceAll(/[^A-Za-z0-9._:/+-]/g, '_') || undefined;
}

function join(names: readonly (string | undefined)[]): string | undefined {
  const known = names.filter((name) => name !== undefined);
  return known.length === 0 ? undefined : known.join(',').slice(0, maxNameLength);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
