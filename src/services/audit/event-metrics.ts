import { Counter, type Registry } from '../../platform/telemetry/metrics.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { GatehouseEvent } from './events.ts';

/** Reasons that the predecessor's dashboards know as "access denied"; every other refusal is counted beside them. */
const denialReasons: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  'group',
  'identity_gone',
  'account_inactive',
  'entry_subject',
  'entry_email',
  'entry_domain',
  'entry_acr',
  'entry_amr',
  'entry_age',
  'group_invalid',
  'email_unverified',
  'subject_missing',
  'subject_concurrency_exceeded',
  'invalid_token',
  'token_type_refused',
  'token_issuer_foreign',
  'token_expired',
  'token_revoked',
  'trust_withdrawn',
  'resource_mismatch',
  'token_revoked_iat_cutoff',
  'id_token_verification_failed',
  'replay_store_unavailable',
  'refresh_family_revoked',
  'client_id_missing',
  'client_id_invalid',
  'client_registration_expired',
  'browser_mismatch',
  'cross_site_post',
]);

/** Reasons that are somebody's number of requests in a minute. */
const rateReasons: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  'rate_limited',
  'client_rate_limited',
]);

/** Counts events under the predecessor's metric names (`mcp_auth_*`), and every refusal under `gatehouse_*`. */
export function createEventMetrics(registry: Registry): (event: GatehouseEvent) => void {
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });

  const tokens = counter('mcp_auth_tokens_issued_total', 'Token responses', ['grant_type']);
  const denied = counter('mcp_auth_access_denied_total', 'Requests refused by identity or token', ['reason']);
  const replays = counter('mcp_auth_replay_detected_total', 'Single-use values that came back', ['kind']);
  const clients = counter('mcp_auth_clients_registered_total', 'Clients registered', []);
  const deleted = counter('gatehouse_clients_deleted_total', 'Registrations deleted by their clients', []);
  const limited = counter('mcp_auth_rate_limited_total', 'Requests over a rate limit', ['endpoint']);
  const throttled = counter('mcp_auth_idp_exchange_throttled_total', 'Code exchanges held back', []);
  const consents = counter('mcp_auth_consent_decisions_total', 'Decisions on the consent page', ['decision']);
  const authorizations = counter('mcp_auth_authorize_initiated_total', 'Authorization flows begun', ['path']);
  const devices = counter('gatehouse_device_authorizations_total', 'Device authorizations begun', []);
  const accountLogins = counter('gatehouse_account_logins_total', 'Logins for the account page', [
    'identity_provider',
  ]);
  const accountsEnded = counter(
    'gatehouse_account_access_ended_total',
    'People who ended all they allowed',
    [],
  );
  const logins = counter('gatehouse_logins_total', 'Logins that ended in a code', ['identity_provider']);
  const failedLogins = counter(
    'gatehouse_logins_failed_total',
    'Logins that did not, but for the entry rules',
    ['identity_provider', 'reason'],
  );
  const entries = counter('gatehouse_entry_refused_total', 'Logins that the entry rules refused', [
    'identity_provider',
    'reason',
  ]);
  const shapes = counter('mcp_auth_groups_claim_shape_mismatch_total', 'Group claims of another shape', []);
  const refused = counter('gatehouse_requests_refused_total', 'Refusals by endpoint', ['endpoint', 'reason']);
  const revoked = counter('gatehouse_grants_revoked_total', 'Grants ended early', ['cause']);
  const repeated = counter('gatehouse_refresh_repeated_total', 'Refreshes answered again in the window', []);
  const rechecked = counter('gatehouse_identity_rechecks_total', 'Identities asked about again on refresh', [
    'identity_provider',
    'outcome',
  ]);
  const directory = counter('gatehouse_directory_questions_total', 'People looked up in the directory', [
    'identity_provider',
    'outcome',
  ]);
  const logouts = counter('gatehouse_backchannel_logouts_total', 'Logouts at the identity provider', [
    'identity_provider',
    'kind',
  ]);
  const dropped = counter('gatehouse_identity_tokens_dropped_total', 'Provider tokens that did not fit', [
    'identity_provider',
  ]);
  const keyChanges = counter('gatehouse_key_state_changes_total', 'Changes of sealing keys', ['state']);
  const keysRefused = counter('gatehouse_keys_reload_refused_total', 'Key files not acceptable', ['fault']);
  const connections = counter('gatehouse_connections_refused_total', 'Connections closed unread', ['cause']);
  const certificates = counter('gatehouse_certificate_reloads_total', 'Certificates read again', ['use']);
  const certificatesRefused = counter(
    'gatehouse_certificate_reload_refused_total',
    'Certificate files not acceptable',
    ['use', 'fault'],
  );
  const policy = counter('gatehouse_policy_denials_total', 'Calls stopped by the policy of a mount', [
    'mount',
    'kind',
    'outcome',
  ]);
  const store = counter('gatehouse_store_failures_total', 'Store operations that failed', ['operation']);
  const upstream = counter('gatehouse_upstream_failures_total', 'Calls the upstream did not answer', [
    'kind',
  ]);

  return (event) => {
    switch (event.type) {
      case 'client_registered':
        clients.inc();
        return;
      case 'client_deleted':
        deleted.inc();
        return;
      case 'authorize_initiated':
        authorizations.inc({ path: event.path });
        return;
      case 'consent_decided':
        consents.inc({ decision: event.decision });
        return;
      case 'device_authorization_begun':
        devices.inc();
        return;
      case 'login_succeeded':
        logins.inc({ identity_provider: event.identityProvider });
        return;
      case 'login_failed':
        failedLogins.inc({ identity_provider: event.identityProvider, reason: event.reason });
        return;
      case 'account_login':
        accountLogins.inc({ identity_provider: event.identityProvider });
        return;
      case 'account_access_ended':
        accountsEnded.inc();
        return;
      case 'entry_refused':
        entries.inc({ identity_provider: event.identityProvider, reason: event.reason });
        return;
      case 'groups_claim_shape_mismatch':
        shapes.inc();
        return;
      case 'tokens_issued':
        tokens.inc({ grant_type: event.grantType });
        if (event.identityUnchecked === true) {
          rechecked.inc({ identity_provider: nameOf(event), outcome: 'impossible' });
        }
        return;
      case 'refresh_repeated':
        repeated.inc();
        return;
      case 'replay_detected':
        replays.inc({ kind: event.kind });
        return;
      case 'grant_revoked':
        revoked.inc({ cause: event.cause });
        return;
      case 'identity_rechecked':
        rechecked.inc({ identity_provider: nameOf(event), outcome: event.outcome });
        return;
      case 'directory_asked':
        directory.inc({ identity_provider: nameOf(event), outcome: event.outcome });
        return;
      case 'backchannel_logout':
        logouts.inc({ identity_provider: nameOf(event), kind: event.kind });
        return;
      case 'identity_token_dropped':
        dropped.inc({ identity_provider: nameOf(event) });
        return;
      case 'policy_denied':
        policy.inc({ mount: event.mount, kind: event.kind, outcome: event.outcome });
        return;
      case 'store_failed':
        store.inc({ operation: event.operation });
        return;
      case 'key_state_changed':
        keyChanges.inc({ state: event.state });
        return;
      case 'keys_reload_refused':
        keysRefused.inc({ fault: event.fault });
        return;
      case 'connection_refused':
        connections.inc({ cause: event.cause });
        return;
      case 'certificate_reloaded':
        certificates.inc({ use: event.use });
        return;
      case 'certificate_reload_refused':
        certificatesRefused.inc({ use: event.use, fault: event.fault });
        return;
      case 'seal_count_high':
        // The seals themselves are a gauge.
        return;
      case 'upstream_failed':
        upstream.inc({ kind: event.kind });
        return;
      case 'request_refused':
        refused.inc({ endpoint: event.endpoint, reason: event.reason });
        if (rateReasons.has(event.reason)) limited.inc({ endpoint: event.endpoint });
        if (event.reason === 'idp_exchange_throttled') throttled.inc();
        if (denialReasons.has(event.reason)) denied.inc({ reason: event.reason });
        return;
    }
  };
}

/** Of people whose provider is not configured any more: no issuer of a token becomes a label. */
function nameOf({ identityProvider }: { readonly identityProvider?: string | undefined }): string {
  return identityProvider ?? 'none';
}
