import type { OAuthErrorCode } from '../../protocol/oauth-error.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { Refusal } from '../proxy/refusal.ts';
import { describeUnreadable } from './list-filter.ts';
import { type RpcErrorCode, rpcErrors, type RpcId } from './rpc-messages.ts';

/**
 * A refusal that a client of either kind can read: the status for its transport, the JSON-RPC error for whoever waits
 * for the answer to this request. A 400 without one would send clients back to an older revision.
 * @see MCP 2026-07-28, transports, Backward Compatibility
 */
function refuseRpc(
  refusal: { status: number; code: OAuthErrorCode; description: string; reason: RefusalReason },
  rpcCode: RpcErrorCode,
  id: RpcId | undefined,
): Refusal {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    // Of a notification, and of what could not be read so far, there is none.
    ...(id === undefined ? {} : { id }),
    error: { code: rpcCode, message: refusal.description },
  });
  return { ...refusal, body };
}

export function refuseMalformed(problem: string, rpcCode: RpcErrorCode, id: RpcId | undefined): Refusal {
  const reason = rpcCode === rpcErrors.headerMismatch ? 'header_mismatch' : 'body_malformed';
  return refuseRpc({ status: 400, code: 'invalid_request', description: problem, reason }, rpcCode, id);
}

export function refuseContent(description: string): Refusal {
  return refuseRpc(
    { status: 415, code: 'invalid_request', description, reason: 'content_type_unsupported' },
    rpcErrors.invalidRequest,
    undefined,
  );
}

/** Says neither which rule nor whether there is such a thing. */
export function refuseDenied(id: RpcId | undefined): Refusal {
  return refuseRpc(
    {
      status: 403,
      code: 'access_denied',
      description: 'The policy of this gateway does not allow this call',
      reason: 'policy_denied',
    },
    rpcErrors.denied,
    id,
  );
}

/** The same challenge as ever, with a body for whoever waits for the answer. */
export function refuseScopes(refusal: Refusal, id: RpcId | undefined): Refusal {
  return { ...refuseRpc(refusal, rpcErrors.denied, id), headers: refusal.headers ?? [] };
}

export function refuseUnreadable(id: RpcId | undefined): Refusal {
  return {
    status: 502,
    code: 'bad_gateway',
    description: 'The MCP server behind this gateway gave an answer that cannot be checked',
    reason: 'upstream_answer_unreadable',
    body: describeUnreadable(id),
  };
}
