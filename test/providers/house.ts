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

/** `start` is told where people reach the gatehouse. When one part does not start, nothing of the others is left. */
export async function openHouse<Person extends string, Provider extends ForeignProvider<Person>>(
  start: (publicUrl: string) => Promise<Provider>,
): Promise<ProviderHouse<Person, Provider>> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    return Object.assign(await openAll(start, closers), { close });
  } catch (error) {
    await close();
    throw error;
  }
}

async function openAll<Person extends string, Provider extends ForeignProvider<Person>>(
  start: (publicUrl: string) => Promise<Provider>,
  closers: (() => Promise<void>)[],
): Promise<Omit<ProviderHouse<Person, Provider>, 'close'>> {
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  const upstream = await startAnsweringUpstream();
  closers.push(() => upstream.close());
  const provider = await start(publicUrl);
  closers.push(() => provider.close());
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
  closers.push(() => gatehouse.close());

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
  };
}
