import type { EpochSeconds } from '../../platform/clock.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';

/** A person, as an identity provider vouches for them at login. The key is always issuer plus subject. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  /** Present only when the provider (or the operator's setting) vouches for it. */
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly groups: readonly string[];
}

/** How somebody logged in, as far as the ID token says.   @see OpenID Connect Core §2 */
export interface Authentication {
  readonly acr?: string | undefined;
  readonly amr?: readonly string[] | undefined;
  /** `auth_time` */
  readonly authenticatedAt?: EpochSeconds | undefined;
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
  /** What the rules for all who enter want of it, whoever the client is. The answer is held to them elsewhere. */
  readonly demands?: LoginDemands;
  /**
   * `account`: who it is, and nothing else. No refresh token is asked for or handed on, and no rule about who may enter
   * is applied: people see and end what they allowed although they may not enter any more.
   */
  readonly purpose?: 'account';
}

export interface LoginDemands {
  readonly maxAgeSeconds: number | undefined;
  /** `acr_values`, of which one will do. */
  readonly acrValues: readonly string[];
}

/** What came back from the provider, with what the login was started with. */
export interface LoginAnswer extends LoginRequest {
  /** The callback's query, as it came. */
  readonly query: URLSearchParams;
  /** When the browser was sent to the provider. */
  readonly startedAt: EpochSeconds;
}

/** What a finished login leaves behind. */
export interface Login {
  readonly identity: Identity;
  /** The provider's refresh token, with which it can be asked about the person again. Undefined: it gave none. */
  readonly refreshToken: string | undefined;
  /** The provider's session (`sid`), which a back-channel logout may name. Undefined: not said. */
  readonly sessionId: string | undefined;
  /** Absent: the provider says nothing of it. */
  readonly authentication?: Authentication;
}

/**
 * Whether refreshes ask the provider again. `auto`: whenever it gave a refresh token. `required`: nobody gets in without
 * one. `off`: never; who has left stays in until the grant's end.
 */
export type IdentityRecheckMode = 'auto' | 'required' | 'off';

export interface RecheckRequest {
  /** The provider's, as it last gave it. */
  readonly refreshToken: string;
  /** What is known of the person: issuer and subject must be the same again. */
  readonly known: Identity;
}

/** What the provider says about somebody who logged in earlier. */
export type Recheck = Presence<{
  /** The one to ask with next time. */
  readonly refreshToken: string;
}>;

/** What is known of somebody whom the provider gave no refresh token for. */
export type Lookup = Presence<object>;

type Presence<Further> =
  | ({
      readonly outcome: 'present';
      /** As of now. What the provider no longer repeats of address and name is as it was known. */
      readonly identity: Identity;
    } & Further)
  /** The person may no longer enter: the provider ended it, or the rules of a login refuse what it says now. */
  | { readonly outcome: 'gone'; readonly reason: GoneReason }
  /** Nobody said no: no answer, none that can be believed, or our own credentials were refused. */
  | { readonly outcome: 'unanswered' };

export type GoneReason = Extract<
  RefusalReason,
  'identity_gone' | 'group' | 'group_invalid' | 'email_unverified'
>;

/** The provider says that a session is over. At least one of subject and session is named. */
export interface Logout {
  readonly issuer: string;
  readonly subject: string | undefined;
  /** `sid`, as ID tokens have it. */
  readonly sessionId: string | undefined;
  /** `jti`: good once. */
  readonly tokenId: string;
  readonly issuedAt: EpochSeconds;
  /** From then on the token is refused for its age. */
  readonly acceptableUntil: EpochSeconds;
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
   * `login_time_unsaid`, `subject_missing`, `email_unverified`, `claim_required`, `group_invalid`, `group`, `groups_unresolved`,
   * `account_inactive`, `directory_unanswered`, `idp_unavailable`, `idp_exchange_throttled`
   */
  finishLogin(answer: LoginAnswer): Promise<Login>;
  /** Asks whether somebody who logged in is still who they were, and still may enter. Never rejects. */
  recheck(request: RecheckRequest): Promise<Recheck>;
  /**
   * The same by who they are alone, where there is no refresh token to ask with. Absent: nobody can be asked then.
   * Never rejects.
   */
  readonly lookUp?: (known: Identity) => Promise<Lookup>;
  /** Whether somebody of these groups may enter, by today's settings. */
  admits(groups: readonly string[]): boolean;
  /**
   * Verifies a logout token. That it is used once is the caller's to see to.
   * @throws OAuthError with reasons `logout_token_invalid`, `idp_unavailable`
   */
  verifyLogout(token: string): Promise<Logout>;
  /** Whether it has been found and, as far as is known, answers: it was not silent to the last three who asked. */
  isReady(): boolean;
  /** Ends what goes on in the background. */
  close(): void;
}
