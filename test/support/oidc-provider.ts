import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

/** A certified OpenID provider on loopback, with login and consent pages that take any name and password. */
export interface LoopbackOpenIdProvider {
  readonly issuer: string;
  close(): Promise<void>;
}

export interface RelyingParty {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
}

/** Its person is whoever logs in: `sub` and the address are made from the name typed in. */
export async function startOpenIdProvider(
  relyingParty: RelyingParty,
  port: number,
): Promise<LoopbackOpenIdProvider> {
  const issuer = `http://127.0.0.1:${port}`;
  const provider = silently(() => createProvider(issuer, relyingParty));
  const answer = provider.callback();
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    issuer,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function createProvider(issuer: string, { clientId, clientSecret, redirectUri }: RelyingParty): Provider {
  return new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    scopes: ['openid', 'email', 'profile', 'groups', 'offline_access'],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      groups: ['groups'],
    },
    // The claims a scope asks for are in the ID token too, as most providers do it.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    ttl: {
      AccessToken: 3600,
      AuthorizationCode: 60,
      Grant: 30 * 86_400,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 30 * 86_400,
      Session: 30 * 86_400,
    },
    features: { devInteractions: { enabled: true } },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@people.test`,
        email_verified: true,
        name: id,
        groups: ['staff'],
      }),
    }),
  });
}

/** The provider says at every start that its quick-start keys and pages are not for production. */
function silently<T>(make: () => T): T {
  const { info, warn } = console;
  console.info = () => {};
  console.warn = () => {};
  try {
    return make();
  } finally {
    Object.assign(console, { info, warn });
  }
}
