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

/** Anybody can cause these, as often as they like, and every client does now and then: counted, not told. */
const ofEveryDay: ReadonlySet<RefusalReason> = new Set([
  'token_missing',
  'invalid_token',
  'token_expired',
  'dpop_nonce_needed',
]);

/** What takes a token that was good once, such as a stolen one that is bound to a key, is told. */
function isDaily(reason: RefusalReason, status: number, endpoint: EndpointName): boolean {
  // A device that waits asks every five seconds, and is told so.
  if (reason === 'authorization_pending' || reason === 'polled_too_often') return true;
  if (reason === 'not_found' || reason.endsWith('rate_limited')) return true;
  return ofEveryDay.has(reason) && (status === 401 ? endpoint === 'mcp' : reason === 'dpop_nonce_needed');
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
