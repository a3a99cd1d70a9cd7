import { LoopbackBrowser } from './loopback-browser.ts';

interface StoredClient {
  readonly client_id: string;
  readonly client_secret?: string;
}

interface StoredTokens {
  readonly access_token: string;
  readonly token_type: string;
  readonly refresh_token?: string;
}

/**
 * What an MCP client keeps between runs, and the person at its keyboard: the `OAuthClientProvider` of both official
 * SDKs, in memory. Asked to open an authorization URL, the person signs in; the answer waits in `callback`.
 */
export class SdkCredentials {
  readonly redirectUrl = 'http://127.0.0.1:33418/callback';
  readonly clientMetadata = {
    client_name: 'Test client',
    redirect_uris: [this.redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
  /** Where the last sign-in came back to; cleared when it is read. */
  #callback: URL | undefined;
  /** How often the person had to sign in. */
  signIns = 0;
  stored: { client?: StoredClient; tokens?: StoredTokens; verifier?: string; discovery?: object } = {};
  readonly #browser: LoopbackBrowser;

  constructor(login: string) {
    this.#browser = new LoopbackBrowser({ login });
  }

  takeCallback(): URL {
    const callback = this.#callback;
    if (callback === undefined) throw new Error('nobody was asked to sign in');
    this.#callback = undefined;
    return callback;
  }

  async redirectToAuthorization(url: URL): Promise<void> {
    this.signIns += 1;
    this.#callback = await this.#browser.signIn(url.href, this.redirectUrl);
  }

  clientInformation(): StoredClient | undefined {
    return this.stored.client;
  }

  saveClientInformation(client: StoredClient): void {
    this.stored.client = client;
  }

  tokens(): StoredTokens | undefined {
    return this.stored.tokens;
  }

  saveTokens(tokens: StoredTokens): void {
    this.stored.tokens = tokens;
  }

  saveCodeVerifier(verifier: string): void {
    this.stored.verifier = verifier;
  }

  codeVerifier(): string {
    return this.stored.verifier ?? '';
  }

  saveDiscoveryState(state: object): void {
    this.stored.discovery = state;
  }

  /** Each SDK gets back what it saved. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the two SDKs store different things
  discoveryState<T>(): T | undefined {
    return this.stored.discovery as T | undefined;
  }

  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): void {
    if (scope === 'all' || scope === 'client') delete this.stored.client;
    if (scope === 'all' || scope === 'tokens') delete this.stored.tokens;
    if (scope === 'all' || scope === 'verifier') delete this.stored.verifier;
  }
}
