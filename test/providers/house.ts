import { type AnsweringUpstream, callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { obtainCode, refresh, signIn, type SignedIn, type Tokens } from '../support/flow.ts';
import { freePort } from '../support/free-port.ts';
import { type ServedGatehouse, startServedGatehouse } from '../support/served-gatehouse.ts';

/** An identity provider that somebody else made, on loopback. */
export interface ForeignProvider<Person extends string> {
  /** What an operator would set for it. */
  readonly env: Readonly<Record<string, string>>;
  /** Types name and password where the browser was sent, and returns the query of the callback. */
  logIn(person: Person, url: URL): Promise<URLSearchParams>;
  close(): Promise<void>;
}

/** A served gatehouse whose people log in there. */
export interface ProviderHouse<Person extends string, Provider> {
  readonly provider: Provider;
  readonly gatehouse: ServedGatehouse;
  readonly upstream: AnsweringUpstream;
  /** What the flow helpers take for a gatehouse. */
  readonly target: Target;
  signIn(person: Person): Promise<Tokens>;
  obtainCode(person: Person): Promise<SignedIn>;
  refresh(tokens: Pick<Tokens, 'client' | 'refreshToken'>): Promise<Response>;
  /** The status of a call to the MCP server. */
  call(accessToken: string): Promise<number>;
  /** The gatehouse again, with other variables. */
  restart(env: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void>;
}

interface Target {
  readonly publicUrl: string;
  readonly resource: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** `start` is told where people reach the gatehouse. */
export async function openHouse<Person extends string, Provider extends ForeignProvider<Person>>(
  start: (publicUrl: string) => Promise<Provider>,
): Promise<ProviderHouse<Person, Provider>> {
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  const upstream = await startAnsweringUpstream();
  const provider = await start(publicUrl);
  const target: Target = {
    publicUrl,
    resource: `${publicUrl}/mcp`,
    fetch: (path, init) => fetch(new URL(path, publicUrl), init),
  };
  // The preset, or the environment, says where and who: these three are overwritten.
  const nobody = { issuer: '', clientId: '', clientSecret: '' };
  const serve = (env: Readonly<Record<string, string>>): Promise<ServedGatehouse> =>
    startServedGatehouse({
      port,
      upstream: upstream.url,
      identityProvider: nobody,
      env: { ...provider.env, ...env },
    });
  let gatehouse = await serve({});

  return {
    provider,
    get gatehouse() {
      return gatehouse;
    },
    upstream,
    target,
    signIn: (person) => signIn(target, { logIn: (url) => provider.logIn(person, url) }),
    obtainCode: (person) => obtainCode(target, { logIn: (url) => provider.logIn(person, url) }),
    refresh: ({ client, refreshToken }) => refresh(target, client.clientId, refreshToken),
    call: async (accessToken) => (await callMount(target, accessToken)).status,
    async restart(env) {
      await gatehouse.close();
      gatehouse = await serve(env);
    },
    async close() {
      await gatehouse.close();
      await provider.close();
      await upstream.close();
    },
  };
}
