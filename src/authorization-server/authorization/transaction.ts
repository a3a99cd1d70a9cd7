import type { EpochSeconds } from '../../platform/clock.ts';
import type { CodeChallenge } from '../../protocol/pkce.ts';
import type { VerifiedRedirectUri } from '../../protocol/redirect-uri.ts';
import type { ClientFingerprint } from '../../services/clients/client.ts';
import type { LoginSecrets, Reauthentication } from '../../services/identity/identity-provider.ts';

/** How long a consent page can be answered. Never extended, not even when the page is shown again. */
export const consentTtlSeconds = 300;

/** How long a person may take to log in at the identity provider. */
export const loginTtlSeconds = 600;

/** What an authorization request asked for, once checked. The same through every stage. */
export interface RequestedTerms {
  readonly client: ClientFingerprint;
  readonly redirectUri: VerifiedRedirectUri;
  /** The client's, returned as it came. */
  readonly state: string | undefined;
  readonly codeChallenge: CodeChallenge;
  readonly resource: string;
  readonly scope: readonly string[];
  /** Passed on to the identity provider, whose answer is held to it. */
  readonly reauthentication: Reauthentication;
  /** The key that the code is bound to (RFC 9449 §10). Absent: none. */
  readonly keyThumbprint?: string | undefined;
  /** The code on the device that gets the tokens, as it is shown there. Absent: the client is at the redirect URI. */
  readonly userCode?: string | undefined;
}

/** The consent page is out. Travels sealed in the page's form. */
export interface AwaitingConsent {
  readonly stage: 'awaiting-consent';
  /** Names the page's cookie and the one decision it is good for. */
  readonly transactionId: string;
  readonly terms: RequestedTerms;
  readonly clientName: string | undefined;
  /** The host that vouches for the client by its metadata document. */
  readonly clientHost?: string | undefined;
  /** The operator registered the client. */
  readonly preRegistered?: true;
  /** SHA-256 of the page's cookie: whoever answers must be whoever was asked. */
  readonly consentHash: string;
  readonly expiresAt: EpochSeconds;
}

/** The person is at the identity provider. Travels sealed in the provider's `state`; made after approval only. */
export interface AwaitingLogin {
  readonly stage: 'awaiting-login';
  /** Names the flow's cookie and its one callback. */
  readonly flowId: string;
  readonly terms: RequestedTerms;
  /** SHA-256 of the flow's cookie, which only the approving browser got. */
  readonly flowHash: string;
  readonly secrets: LoginSecrets;
  /** The one that the login was started at, by name. Absent: there was one alone. */
  readonly identityProvider?: string | undefined;
  readonly expiresAt: EpochSeconds;
}

/** An authorization in progress. Each stage is sealed under a purpose of its own: none can pass for the other. */
export type Transaction = AwaitingConsent | AwaitingLogin;
