import type { LineBudget } from '../platform/telemetry/line-budget.ts';
import type { Logger } from '../platform/telemetry/logger.ts';

/** One request, whoever answered it. */
export interface AccessRecord {
  readonly method: string;
  /** Path alone: a query may hold a code or a state. */
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly requestId: string;
}

/** What the proxied path knows on top. Byte counts are of bodies. */
export interface CallDetails {
  readonly subject: string | undefined;
  readonly email: string | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly rpc:
    | {
        readonly method: string | undefined;
        readonly tool: string | undefined;
        readonly id: string | undefined;
        readonly batch: boolean;
        readonly toolCalls: readonly string[];
      }
    | undefined;
}

/**
 * Writes the access line `request` with the predecessor's fields. Of refused requests that name nobody, only as many
 * as `lines` allows: each could be one of a million.
 */
export function createAccessLog(
  log: Logger,
  skip: RegExp | undefined,
  lines: Pick<LineBudget, 'take'>,
): (record: AccessRecord, call: CallDetails | undefined) => void {
  return (record, call) => {
    if (skip?.test(record.path) === true) return;
    if (record.status >= 400 && call?.subject === undefined && !lines.take(`request ${record.status}`))
      return;
    const { method, path, status, durationMs, requestId } = record;
    const seconds = Math.round(durationMs * 1000) / 1_000_000;
    let fields = `"method":${quote(method)},"path":${quote(presentPath(path))},"status":${status},"duration":${seconds},"request_id":"${requestId}"`;
    if (call !== undefined) fields += formatCall(call);
    log.line(fields, 'request');
  };
}

function formatCall({ subject, email, requestBytes, responseBytes, rpc }: CallDetails): string {
  let fields = `,"req_bytes":${requestBytes},"resp_bytes":${responseBytes}`;
  if (subject !== undefined) fields += `,"sub":${quote(subject)}`;
  if (email !== undefined) fields += `,"email":${quote(email)}`;
  if (rpc === undefined) return fields;
  if (rpc.method !== undefined) fields += `,"rpc_method":${quote(rpc.method)}`;
  if (rpc.tool !== undefined) fields += `,"rpc_tool":${quote(rpc.tool)}`;
  if (rpc.id !== undefined) fields += `,"rpc_id":${quote(rpc.id)}`;
  return fields;
}

const plain = /^[ !#-[\]-~]*$/;

/** Most values need no escape, and to see that is cheaper than to escape. */
function quote(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

const maxPathLength = 256;
const sealedValue = /(mgh_[a-z]{2}_)[\w-]+/g;

/** A token pasted into a path is still a token, and a path can be as long as its sender likes. */
function presentPath(path: string): string {
  if (path.length <= maxPathLength && !path.includes('mgh_')) return path;
  const clean = path.replaceAll(sealedValue, '$1[redacted]');
  return clean.length <= maxPathLength ? clean : `${clean.slice(0, maxPathLength)}…`;
}
