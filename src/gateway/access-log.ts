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
    log.info(
      {
        method: record.method,
        path: presentPath(record.path),
        status: record.status,
        duration: Math.round(record.durationMs * 1000) / 1_000_000,
        request_id: record.requestId,
        req_bytes: call?.requestBytes,
        resp_bytes: call?.responseBytes,
        sub: call?.subject,
        email: call?.email,
        rpc_method: call?.rpc?.method,
        rpc_tool: call?.rpc?.tool,
        rpc_id: call?.rpc?.id,
      },
      'request',
    );
  };
}

const maxPathLength = 256;
const sealedValue = /(mgh_[a-z]{2}_)[\w-]+/g;

/** A token pasted into a path is still a token, and a path can be as long as its sender likes. */
function presentPath(path: string): string {
  const clean = path.replaceAll(sealedValue, '$1[redacted]');
  return clean.length <= maxPathLength ? clean : `${clean.slice(0, maxPathLength)}…`;
}
