import * as z from 'zod';

/** A request, or a notification when it has no id. */
export interface Message {
  readonly id: string | number | undefined;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What one POST carried. Responses of the client are counted as nothing: this server never asks. */
export interface Messages {
  readonly isBatch: boolean;
  readonly messages: readonly Message[];
}

export interface HttpAnswer {
  readonly status: number;
  /** Sent as JSON; undefined: no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a method came to, before it gets an id. */
export type MethodOutcome =
  { readonly result: Readonly<Record<string, unknown>> } | { readonly error: RpcError };

interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

export const emptyAccepted: HttpAnswer = { status: 202 };

const call = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number().int()]).optional(),
  method: z.string().max(256),
  params: z.record(z.string(), z.unknown()).default({}),
});
const response = z.object({ jsonrpc: z.literal('2.0'), id: z.union([z.string(), z.number()]) });
const body = z.union([call, response]);
const bodies = z.union([body, z.array(body).min(1).max(50)]);

export type ParsedMessages =
  ({ readonly outcome: 'parsed' } & Messages) | { readonly outcome: 'refused'; readonly answer: HttpAnswer };

export function parseMessages(text: string): ParsedMessages {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { outcome: 'refused', answer: failure(400, null, -32700, 'Parse error') };
  }
  const parsed = bodies.safeParse(json);
  if (!parsed.success) {
    return { outcome: 'refused', answer: failure(400, null, -32600, 'Invalid request') };
  }
  const isBatch = Array.isArray(parsed.data);
  const messages = [parsed.data]
    .flat()
    .flatMap((message) =>
      'method' in message ? [{ id: message.id, method: message.method, params: message.params }] : [],
    );
  return { outcome: 'parsed', isBatch, messages };
}

/** The whole HTTP answer of a call that failed as a whole. */
export function failure(
  status: number,
  id: string | number | null,
  code: number,
  message: string,
  data?: unknown,
): HttpAnswer {
  return {
    status,
    body: { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } },
  };
}

export function findString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
