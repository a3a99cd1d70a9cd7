import type { EpochSeconds } from '../../platform/clock.ts';

/** A person, as an identity provider vouches for them at login. The key is always issuer plus subject. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  /** Present only when the provider (or the operator's setting) vouches for it. */
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly groups: readonly string[];
}

/** What a login needs to survive the trip to the provider and back; travels sealed in `state`. */
export interface LoginSecrets {
  readonly nonce: string;
  readonly codeVerifier: string;
}

/**
 * What a client asks of the login beyond whatever session the provider has.
 * @see OpenID Connect Core §3.1.2.1
 */
export interface Reauthentication {
  readonly prompt: 'login' | 'select_account' | undefined;
  /** How long ago the person may have logged in; 0 is as much as `prompt=login`. */
  readonly maxAgeSeconds: number | undefined;
}

/** A login about to start. */
export interface LoginRequest {
  readonly state: string;
  readonly secrets: LoginSecrets;
  readonly reauthentication: Reauthentication;
}

/** What came back from the provider, with what the login was started with. */
export interface LoginAnswer extends LoginRequest {
  /** The callback's query, as it came. */
  readonly query: URLSearchParams;
  /** When the browser was sent to the provider. */
  readonly startedAt: EpochSeconds;
}

/** One place where people log in. */
export interface IdentityProvider {
  readonly issuer: string;
  /**
   * Where to send the browser.
   * @throws OAuthError `temporarily_unavailable`, reason `idp_unavailable`
   */
  startLogin(request: LoginRequest): Promise<URL>;
  /**
   * Exchanges the provider's answer and checks every claim the identity rests on.
   * @throws OAuthError with reasons `idp_exchange_failed`, `id_token_verification_failed`, `login_too_old`,
   * `subject_missing`, `email_unverified`, `group_invalid`, `group`, `idp_unavailable`, `idp_exchange_throttled`
   */
  finishLogin(answer: LoginAnswer): Promise<Identity>;
  /** Whether discovery has succeeded; false means logins are refused for now. */
  isReady(): boolean;
  /** Ends what goes on in the background. */
  close(): void;
}
