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

/** One place where people log in. */
export interface IdentityProvider {
  readonly issuer: string;
  /**
   * Where to send the browser.
   * @throws OAuthError `temporarily_unavailable`, reason `idp_unavailable`
   */
  startLogin(request: { readonly state: string; readonly secrets: LoginSecrets }): Promise<URL>;
  /**
   * Exchanges the provider's answer and checks every claim the identity rests on.
   * @throws OAuthError with reasons `idp_exchange_failed`, `id_token_verification_failed`, `subject_missing`,
   * `email_unverified`, `group_invalid`, `group`, `idp_unavailable`, `idp_exchange_throttled`
   */
  finishLogin(answer: {
    /** The callback's query, as it came. */
    readonly query: URLSearchParams;
    readonly state: string;
    readonly secrets: LoginSecrets;
  }): Promise<Identity>;
  /** Whether discovery has succeeded; false means logins are refused for now. */
  isReady(): boolean;
  /** Ends what goes on in the background. */
  close(): void;
}
