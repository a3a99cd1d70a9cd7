import type { Logger } from '../../platform/telemetry/logger.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { EndpointName, GatehouseEvent } from './events.ts';

/** Writes each event as one log line. Names are the predecessor's wherever it had one. */
export function createEventLog(log: Logger): (event: GatehouseEvent, requestId: string | undefined) => void {
  return (event, requestId) => {
    log[severityOf(event)]({ ...fieldsOf(event), request_id: requestId }, nameOf(event));
  };
}

function severityOf(event: GatehouseEvent): 'debug' | 'info' | 'warn' | 'error' {
  switch (event.type) {
    case 'replay_detected':
    case 'groups_claim_shape_mismatch':
    case 'entry_refused':
    case 'identity_token_dropped':
    case 'upstream_failed':
    case 'connection_refused':
      return 'warn';
    case 'identity_rechecked':
    case 'directory_asked':
      return event.outcome === 'present' ? 'debug' : 'warn';
    case 'grant_revoked':
      // A client that signs its person out is no alarm, nor a person who does it.
      return event.cause === 'client' || event.cause === 'account_page' ? 'info' : 'warn';
    case 'store_failed':
    case 'keys_reload_refused':
    case 'certificate_reload_refused':
    case 'seal_count_high':
      return 'error';
    case 'request_refused':
      if (event.status >= 500) return 'warn';
      return isDaily(event.reason, event.status, event.endpoint) ? 'debug' : 'info';
    default:
      return 'info';
  }
}

/** Every client begins with a bare 401, and of the rest strangers send as many as they like: counted, not told. */
function isDaily(reason: RefusalReason, status: number, endpoint: EndpointName): boolean {
  // A device that waits asks every five seconds, and is told so.
  if (reason === 'authorization_pending' || reason === 'polled_too_often') return true;
  return reason === 'not_found' || reason.endsWith('rate_limited') || (status === 401 && endpoint === 'mcp');
}

/** The event's own members, with the log's spelling: `clientName` is `client_name`. */
function fieldsOf(event: GatehouseEvent): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(event)
      .filter(([name]) => name !== 'type')
      .map(([name, value]) => [name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}

function nameOf(event: GatehouseEvent): string {
  switch (event.type) {
    case 'consent_decided':
      return event.decision === 'approved' ? 'consent_approved' : 'consent_denied';
    case 'login_succeeded':
      return 'callback_success';
    case 'tokens_issued':
      return event.grantType === 'refresh_token' ? 'token_refreshed' : 'token_issued';
    case 'replay_detected':
      return {
        code: 'authorization_code_replay',
        refresh: 'refresh_token_reuse_detected',
        consent: 'consent_token_replay',
        callback_state: 'callback_state_replay',
        device_code: 'device_code_replay',
      }[event.kind];
    case 'grant_revoked':
      return 'refresh_token_family_revoked';
    case 'store_failed':
      return 'replay_store_error';
    case 'upstream_failed':
      return 'proxy_error';
    case 'request_refused':
      return `access_denied_${event.reason}`;
    default:
      return event.type;
  }
}
