import type { OAuthError } from '../../src/protocol/oauth-error.ts';
import type {
  Identity,
  IdentityProvider,
  LoginAnswer,
  LoginRequest,
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
  readonly startedLogins: LoginRequest[] = [];
  readonly finishedLogins: URLSearchParams[] = [];
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

  finishLogin(answer: LoginAnswer): Promise<Identity> {
    this.finishedLogins.push(answer.query);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return Promise.resolve(this.person);
  }

  isReady(): boolean {
    return true;
  }

  close(): void {
    // Nothing goes on in the background.
  }
}
