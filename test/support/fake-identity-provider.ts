import type { OAuthError } from '../../src/protocol/oauth-error.ts';
import type {
  Authentication,
  GoneReason,
  Identity,
  IdentityProvider,
  Login,
  LoginAnswer,
  LoginRequest,
  Logout,
  Recheck,
  RecheckRequest,
} from '../../src/services/identity/identity-provider.ts';

/** An identity provider without a network: logs `person` in at once, and remembers what it was asked. */
export class FakeIdentityProvider implements IdentityProvider {
  readonly issuer = 'https://login.test';
  person: Identity = {
    issuer: 'https://login.test',
    subject: 'alice',
    email: 'alice@example.com',
    name: 'Alice Example',
    groups: ['engineering'],
  };
  /** Whether logins come with a refresh token. It is replaced on every use; a spent one ends the session. */
  givesRefreshTokens = false;
  /** How the next login was made. */
  authentication: Authentication = {};
  /** `sid` of the next login. */
  sessionId: string | undefined;
  allowedGroups: readonly string[] = [];
  /** Nothing stands beside it, unless a test says so. */
  lookUp?: NonNullable<IdentityProvider['lookUp']>;
  /** Re-checks say this of everybody. */
  gone: GoneReason | undefined;
  /** Re-checks get no answer. */
  unanswered = false;
  /** Re-checks wait for this before they are answered. */
  hold: Promise<void> = Promise.resolve();
  readonly startedLogins: LoginRequest[] = [];
  readonly finishedLogins: URLSearchParams[] = [];
  readonly rechecks: RecheckRequest[] = [];
  readonly #live = new Set<string>();
  #issued = 0;
  #failure: OAuthError | undefined;

  /** Every later login ends with this refusal; undefined: logins work again. */
  failWith(error: OAuthError | undefined): void {
    this.#failure = error;
  }

  startLogin(request: LoginRequest): Promise<URL> {
    this.startedLogins.push(request);
    const url = new URL('/authorize', this.issuer);
    url.searchParams.set('state', request.state);
    url.searchParams.set('nonce', request.secrets.nonce);
    return Promise.resolve(url);
  }

  finishLogin(answer: LoginAnswer): Promise<Login> {
    this.finishedLogins.push(answer.query);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const refreshToken = this.givesRefreshTokens ? this.issueRefreshToken() : undefined;
    const { person: identity, sessionId, authentication } = this;
    return Promise.resolve({ identity, refreshToken, sessionId, authentication });
  }

  async recheck(request: RecheckRequest): Promise<Recheck> {
    this.rechecks.push(request);
    await this.hold;
    if (this.unanswered) return { outcome: 'unanswered' };
    if (this.gone !== undefined) return { outcome: 'gone', reason: this.gone };
    if (!this.#live.delete(request.refreshToken)) return { outcome: 'gone', reason: 'identity_gone' };
    if (!this.admits(this.person.groups)) return { outcome: 'gone', reason: 'group' };
    return { outcome: 'present', identity: this.person, refreshToken: this.issueRefreshToken() };
  }

  admits(groups: readonly string[]): boolean {
    return this.allowedGroups.length === 0 || groups.some((group) => this.allowedGroups.includes(group));
  }

  /** The fake takes logouts as JSON, already verified. */
  verifyLogout(token: string): Promise<Logout> {
    return Promise.resolve(JSON.parse(token) as Logout);
  }

  isReady(): boolean {
    return true;
  }

  close(): void {
    // Nothing goes on in the background.
  }

  /** A refresh token that is good once. */
  issueRefreshToken(): string {
    this.#issued += 1;
    const token = `provider-refresh-token-${this.#issued}`;
    this.#live.add(token);
    return token;
  }
}
