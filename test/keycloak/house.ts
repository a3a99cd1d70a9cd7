import { signIn, type SignedIn, type Tokens } from '../support/flow.ts';
import { type AnsweringUpstream, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { freePort } from '../support/free-port.ts';
import { LoopbackBrowser } from '../support/loopback-browser.ts';
import { type ServedGatehouse, startServedGatehouse } from '../support/served-gatehouse.ts';
import { type Keycloak, startKeycloak } from './keycloak.ts';
import { clientId, clientSecret, password, type Person, realm } from './realm.ts';

/** A served gatehouse whose people log in at a real Keycloak. */
export interface KeycloakHouse {
  readonly keycloak: Keycloak;
  readonly gatehouse: ServedGatehouse;
  readonly upstream: AnsweringUpstream;
  /** What the flow helpers take for a gatehouse. */
  readonly target: Target;
  signIn(person: Person, client?: SignedIn['client']): Promise<Tokens>;
  /** Types name and password at Keycloak, and returns the query of the callback. */
  logIn(person: Person, url: URL): Promise<URLSearchParams>;
  /** The gatehouse again, with other variables. */
  restart(env: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void>;
}

interface Target {
  readonly publicUrl: string;
  readonly resource: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

export async function openKeycloakHouse(): Promise<KeycloakHouse> {
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  const upstream = await startAnsweringUpstream();
  const keycloak = await startKeycloak({ publicUrl });
  const target: Target = {
    publicUrl,
    resource: `${publicUrl}/mcp`,
    fetch: (path, init) => fetch(new URL(path, publicUrl), init),
  };
  const serve = (env: Readonly<Record<string, string>>): Promise<ServedGatehouse> =>
    startServedGatehouse({
      port,
      upstream: upstream.url,
      identityProvider: { issuer: '', clientId, clientSecret },
      env: {
        IDP: 'keycloak',
        KEYCLOAK_URL: keycloak.origin,
        KEYCLOAK_REALM: realm,
        ALLOWED_GROUPS: '/engineering/mcp',
        ...env,
      },
    });
  let gatehouse = await serve({});

  async function logIn(person: Person, url: URL): Promise<URLSearchParams> {
    const browser = new LoopbackBrowser({ login: person, password });
    return (await browser.signIn(url.href, `${publicUrl}/callback`)).searchParams;
  }

  return {
    keycloak,
    get gatehouse() {
      return gatehouse;
    },
    upstream,
    target,
    logIn,
    signIn: (person, client) =>
      signIn(target, {
        ...(client === undefined ? {} : { client }),
        logIn: (url) => logIn(person, url),
      }),
    async restart(env) {
      await gatehouse.close();
      gatehouse = await serve(env);
    },
    async close() {
      await gatehouse.close();
      await keycloak.close();
      await upstream.close();
    },
  };
}
