import type { GatehouseEvent } from '../../services/audit/events.ts';

/** An event in words for somebody who watches a demo, or undefined when there is nothing to see. */
export function narrateEvent(event: GatehouseEvent): string | undefined {
  switch (event.type) {
    case 'client_registered':
      return `registered: ${event.clientName ?? 'a client without a name'}`;
    case 'client_deleted':
      return 'a client deleted its registration';
    case 'authorize_initiated':
      return event.path === 'consent' ? 'consent page shown' : 'sent to log in';
    case 'device_authorization_begun':
      return 'a device asks to sign in';
    case 'consent_decided':
      return `consent ${event.decision}`;
    case 'login_succeeded':
      return `logged in: ${event.subject}`;
    case 'account_login':
      return `logged in to see what is allowed: ${event.subject}`;
    case 'account_access_ended':
      return `ended all access: ${event.subject}`;
    case 'entry_refused':
      return `not let in: ${event.subject} (${event.reason})`;
    case 'tokens_issued':
      return event.grantType === 'refresh_token' ? 'tokens refreshed' : 'tokens issued';
    case 'refresh_repeated':
      return 'refresh repeated: same answer given';
    case 'replay_detected':
      return `replay refused: ${event.kind}`;
    case 'grant_revoked':
      return `grant revoked: ${event.cause}`;
    case 'request_refused':
      return narrateRefusal(event);
    case 'policy_denied':
      return `stopped by policy: ${event.method}`;
    case 'upstream_failed':
      return `sample server failed: ${event.kind}`;
    case 'store_failed':
      return `store failed: ${event.operation}`;
    case 'identity_rechecked':
      return `identity provider asked again: ${event.outcome}`;
    case 'backchannel_logout':
      return `the identity provider ended a ${event.kind === 'session' ? 'session' : 'person’s sessions'}`;
    case 'directory_asked':
    // The refusal that comes with it is told.
    case 'login_failed':
    case 'identity_token_dropped':
    case 'key_state_changed':
    case 'keys_reload_refused':
    case 'connection_refused':
    case 'certificate_reloaded':
    case 'certificate_reload_refused':
    case 'seal_count_high':
    case 'groups_claim_shape_mismatch':
      return undefined;
    default:
      return event satisfies never;
  }
}

/** Clients probe for documents that need not exist; a person watching would take that for trouble. */
function narrateRefusal(event: Extract<GatehouseEvent, { type: 'request_refused' }>): string | undefined {
  if (event.endpoint === 'discovery' || event.status === 404) return undefined;
  if (event.status === 401 && event.endpoint === 'mcp')
    return 'MCP call without a valid token: asked to sign in';
  return `refused at ${event.endpoint}: ${event.reason} (${String(event.status)})`;
}
