import { say } from './line-protocol.ts';

interface StoredClient {
  readonly client_id: string;
}

interface StoredTokens {
  readonly access_token: string;
  readonly token_type: string;
  readonly refresh_token?: string;
}

/** The `OAuthClientProvider` of both official TypeScript SDKs, in memory: what their guides tell an application to have. */
export class MemoryProvider {
  readonly redirectUrl: string;
  readonly clientMetadataUrl?: string;
  readonly #clientName: string;
  #client: StoredClient | undefined;
  #tokens: StoredTokens | undefined;
  #verifier = '';

  constructor(clientName: string, redirectUrl: string, document: string | undefined) {
    this.#clientName = clientName;
    this.redirectUrl = redirectUrl;
    if (document !== undefined) this.clientMetadataUrl = document;
  }

  get clientMetadata() {
    return {
      client_name: this.#clientName,
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  redirectToAuthorization(url: URL): void {
    say({ authorize: url.href });
  }

  clientInformation(): StoredClient | undefined {
    return this.#client;
  }

  saveClientInformation(client: StoredClient): void {
    this.#client = client;
  }

  tokens(): StoredTokens | undefined {
    return this.#tokens;
  }

  saveTokens(tokens: StoredTokens): void {
    this.#tokens = tokens;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  codeVerifier(): string {
    return this.#verifier;
  }
}
