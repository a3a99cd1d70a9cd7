import type { KeyState } from '../../platform/sealing/keyring.ts';
import type { PemFault, PemFile } from '../../platform/tls/pem-files.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { KeySetFault } from '../keys/key-set-error.ts';
import type { OperationKind } from '../policy/rule.ts';

/**
 * Everything that happens here and that somebody may want to count or to prove later. Rooms emit these; metrics and
 * the audit log are their only readers, so a refusal cannot be logged and not counted.
 *
 * `client` is the first 16 characters of the client's fingerprint, `subject` the person's `sub`, `identityProvider` its name
 * in the configuration. No event carries a token, code, state, verifier or cookie.
 */
export type GatehouseEvent =
  | { readonly type: 'client_registered'; readonly client: string; readonly clientName: string | undefined }
  /** The client deleted its registration. */
  | { readonly type: 'client_deleted'; readonly client: string }
  | { readonly type: 'authorize_initiated'; readonly path: 'consent' | 'silent'; readonly client: string }
  | {
      readonly type: 'consent_decided';
      readonly decision: 'approved' | 'denied';
      readonly client: string;
      readonly resource: string;
    }
  /** A device got its two codes. */
  | { readonly type: 'device_authorization_begun'; readonly client: string }
  | {
      readonly type: 'login_succeeded';
      readonly subject: string;
      readonly client: string;
      readonly identityProvider: string;
      readonly resource: string;
    }
  | {
      /** The provider, or what it said, let nobody in; or there could be no code. The entry rules have an event of their own. */
      readonly type: 'login_failed';
      readonly reason: RefusalReason;
      readonly client: string;
      readonly identityProvider: string;
    }
  /** A person logged in to see what they allowed. */
  | { readonly type: 'account_login'; readonly subject: string; readonly identityProvider: string }
  /** A person ended everything they had allowed until then. */
  | { readonly type: 'account_access_ended'; readonly subject: string }
  | {
      /** The entry rules do not let somebody in who has logged in. */
      readonly type: 'entry_refused';
      readonly reason: RefusalReason;
      readonly subject: string;
      readonly client: string;
      readonly resource: string;
      readonly identityProvider: string;
    }
  | {
      readonly type: 'groups_claim_shape_mismatch';
      readonly subject: string;
      readonly claim: string;
      readonly identityProvider?: string;
    }
  | {
      readonly type: 'tokens_issued';
      readonly grantType:
        'authorization_code' | 'refresh_token' | 'device_code' | 'client_credentials' | 'jwt_bearer';
      readonly subject: string;
      readonly client: string;
      readonly grant: string;
      readonly resource: string;
      /** As on the wire. Absent: the resource has none. */
      readonly scope?: string;
      /** The identity provider gave no refresh token, and so was not asked about the person again. */
      readonly identityUnchecked?: true;
      /** With the former. Undefined: one that is not configured any more. */
      readonly identityProvider?: string | undefined;
    }
  | {
      /** The same refresh token came again inside the window and got the same successor. */
      readonly type: 'refresh_repeated';
      readonly subject: string;
      readonly client: string;
      readonly grant: string;
    }
  | {
      readonly type: 'replay_detected';
      readonly kind: 'code' | 'refresh' | 'consent' | 'callback_state' | 'device_code';
      /** Absent: of a login that was for the account page. */
      readonly client?: string;
      readonly grant?: string;
      readonly subject?: string;
    }
  | {
      readonly type: 'grant_revoked';
      readonly cause:
        | 'code_replay'
        | 'device_code_replay'
        | 'refresh_reuse'
        | 'identity_gone'
        | 'group'
        | 'entry'
        | 'client'
        /** By the person, on the page for it. */
        | 'account_page';
      readonly grant: string;
      readonly subject: string;
      readonly client: string;
    }
  | {
      /** A refresh asked the identity provider about the person again. */
      readonly type: 'identity_rechecked';
      readonly outcome: 'present' | 'gone' | 'unanswered';
      readonly subject: string;
      readonly client: string;
      readonly grant: string;
      readonly identityProvider?: string | undefined;
    }
  | {
      /** A login or refresh asked the directory of the organisation about the person. */
      readonly type: 'directory_asked';
      readonly outcome: 'present' | 'gone' | 'unanswered';
      readonly subject: string;
      /** The kind of failure, where there was no answer. */
      readonly failure?: string;
      readonly identityProvider?: string | undefined;
    }
  | {
      /** The identity provider ended a session, or all of a person's. */
      readonly type: 'backchannel_logout';
      readonly kind: 'session' | 'subject';
      readonly subject?: string;
      readonly identityProvider?: string | undefined;
    }
  | {
      /** The provider's refresh token does not fit into ours: the person cannot be asked about again. */
      readonly type: 'identity_token_dropped';
      readonly subject: string;
      readonly client: string;
      readonly grant: string;
      readonly identityProvider?: string | undefined;
    }
  | {
      readonly type: 'request_refused';
      readonly endpoint: EndpointName;
      readonly reason: RefusalReason;
      readonly status: number;
      /** Whose call it was, where a token was good for as much. */
      readonly subject?: string;
      readonly client?: string;
      /** The class of the underlying failure, e.g. an error name; never a message. */
      readonly cause?: string;
    }
  | {
      /** The policy of a mount stopped a call; `scopes`: until the person allows the client more. */
      readonly type: 'policy_denied';
      readonly outcome: 'denied' | 'scopes';
      readonly mount: string;
      readonly subject: string;
      readonly client: string;
      /** The operator's name for the rule that decided. */
      readonly rule: string;
      readonly kind: OperationKind;
      readonly method: string;
      /** Of the tool or prompt, or the URI of the resource without its query; 128 characters of it at most. */
      readonly name?: string;
    }
  | { readonly type: 'store_failed'; readonly operation: string }
  | {
      /** `key` is the id that every value sealed with it carries. */
      readonly type: 'key_state_changed';
      readonly key: string;
      readonly state: KeyState;
    }
  | {
      /** The key file changed and is not acceptable: the keys stay what they were. */
      readonly type: 'keys_reload_refused';
      readonly fault: KeySetFault;
    }
  | {
      /** One process sealed so much with one key that it should be rotated. Told once per key. */
      readonly type: 'seal_count_high';
      readonly key: string;
      readonly seals: number;
    }
  | {
      /** A connection was closed before anything was read of it: too many of its address, in all, or open files. */
      readonly type: 'connection_refused';
      readonly cause: 'address' | 'total' | 'descriptors';
    }
  | {
      /** A certificate was read again and is shown from now on: to clients, to the upstream, or to an identity provider. */
      readonly type: 'certificate_reloaded';
      readonly use: CertificateUse;
    }
  | {
      /** A file that belongs to it is not acceptable: what was read before goes on. */
      readonly type: 'certificate_reload_refused';
      readonly use: CertificateUse;
      readonly file: PemFile;
      readonly fault: PemFault;
    }
  | {
      readonly type: 'upstream_failed';
      readonly kind:
        'unavailable' | 'untrusted' | 'timeout' | 'reset' | 'credential' | 'malformed' | 'redirect';
      /** Which one, where there are several. */
      readonly mount?: string;
    };

export type CertificateUse = 'listener' | 'upstream' | 'identity_provider';

export type EndpointName =
  | 'discovery'
  | 'register'
  | 'authorize'
  | 'consent'
  | 'callback'
  | 'token'
  | 'backchannel_logout'
  | 'device_authorization'
  | 'device'
  | 'device_answer'
  | 'account'
  | 'revoke'
  | 'introspect'
  | 'mcp'
  | 'other';

/** Hands an event to its readers. Never throws, never waits. */
export type Emit = (event: GatehouseEvent, requestId: string | undefined) => void;
