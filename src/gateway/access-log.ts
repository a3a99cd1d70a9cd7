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
  /** That was asked, of a mount that has many. */
  readonly host?: string;
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
): (record: AccessRecord, call: CallDetails | undefined, mount?: string) => void {
  return (record, call, mount) => {
    if (skip?.test(record.path) === true) return;
    if (record.status >= 400 && call?.subject === undefined && !lines.take(`request ${record.status}`))
      return;
    const { method, path, status, durationMs, requestId, host } = record;
    const parts = [
      '"method":',
      quote(method),
      ',"path":',
      quote(presentPath(path)),
      ',"status":',
      String(status),
    ];
    parts.push(',"duration":', formatSeconds(durationMs), ',"request_id":"', requestId, '"');
    if (mount !== undefined) parts.push(',"mount":', quote(mount));
    if (host !== undefined) parts.push(',"host":', quote(host));
    if (call !== undefined) addCall(parts, call);
    log.line(parts.join(''), 'request');
  };
}

function addCall(parts: string[], { subject, email, requestBytes, responseBytes, rpc }: CallDetails): void {
  parts.push(',"req_bytes":', String(requestBytes), ',"resp_bytes":', String(responseBytes));
  if (subject !== undefined) parts.push(',"sub":', quote(subject));
  if (email !== undefined) parts.push(',"email":', quote(email));
  if (rpc?.method !== undefined) parts.push(',"rpc_method":', quote(rpc.method));
  if (rpc?.tool !== undefined) parts.push(',"rpc_tool":', quote(rpc.tool));
  if (rpc?.id !== undefined) parts.push(',"rpc_id":', quote(rpc.id));
}

/** To the microsecond, out of whole numbers: those are formatted in a fraction of the time that others need. */
function formatSeconds(milliseconds: number): string {
  const microseconds = Math.max(0, Math.round(milliseconds * 1000));
  const seconds = Math.floor(microseconds / 1_000_000);
  // Seven digits of which the first is one: the others are the fraction, with its zeros.
  return `${seconds}.${String(1_000_000 + microseconds - seconds * 1_000_000).slice(1)}`;
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
