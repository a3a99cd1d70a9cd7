import { Browser } from '../browser.ts';
import { authorizeUrl, decide, registerClient, signIn, type Tokens } from '../flow.ts';
import type { FakeClock } from '../fake-clock.ts';
import { createTestGatehouse, type TestGatehouse } from '../gatehouse.ts';
import { TestOpenIdProvider } from '../openid-provider.ts';
import { openProvider, type OpenedProvider } from './opened-provider.ts';

/** How a login through the front door ended, as the person's browser and the client see it. */
export interface Ending {
  readonly status: number;
  /** Of the redirect to the client; undefined: a page. */
  readonly code: string | undefined;
  readonly error: string | undefined;
  /** What the gatehouse itself calls it. */
  readonly reason: string | undefined;
  readonly body: string;
}

/** A whole gatehouse in front of a provider that can be told to misbehave. */
export interface ProviderHouse {
  readonly gatehouse: TestGatehouse;
  readonly remote: TestOpenIdProvider;
  readonly opened: OpenedProvider;
  /** Begins a login, up to the address that the browser is sent to. */
  begin(overrides?: Record<string, string>): Promise<{ readonly browser: Browser; readonly login: URL }>;
  /** Brings the provider's answer to the callback. */
  finish(browser: Browser, query: URLSearchParams): Promise<Ending>;
  attempt(overrides?: Record<string, string>): Promise<Ending>;
  enter(): Promise<Tokens>;
  /** As after a restart: nothing is known of the provider. */
  forget(): OpenedProvider;
  close(): Promise<void>;
}

export async function openProviderHouse(
  env: Readonly<Record<string, string>> = {},
  upstream?: string,
  /** Makes the provider another one before anybody asks it anything. */
  become: (remote: TestOpenIdProvider, clock: FakeClock) => Promise<void> | void = () => undefined,
): Promise<ProviderHouse> {
  const gatehouse = await createTestGatehouse(upstream === undefined ? {} : { upstream });
  const remote = await TestOpenIdProvider.start(gatehouse.clock);
  await become(remote, gatehouse.clock);
  let opened = open();

  function open(): OpenedProvider {
    const next = openProvider(remote, gatehouse.clock, env);
    Object.assign(gatehouse.identityProvider, next.provider);
    return next;
  }

  async function begin(overrides: Record<string, string> = {}) {
    const client = await registerClient(gatehouse);
    const browser = new Browser(gatehouse);
    const page = await browser.get(authorizeUrl(gatehouse, client, overrides));
    return { browser, login: new URL(await decide(browser, page)) };
  }

  async function finish(browser: Browser, query: URLSearchParams): Promise<Ending> {
    const before = gatehouse.events.length;
    const answer = await browser.get(`/callback?${query.toString()}`);
    const location = answer.headers.get('location');
    const parameters = location === null ? undefined : new URL(location).searchParams;
    const refusal = gatehouse.events.slice(before).find((event) => event.type === 'request_refused');
    return {
      status: answer.status,
      code: parameters?.get('code') ?? undefined,
      error: parameters?.get('error') ?? undefined,
      reason: refusal?.reason,
      body: `${location ?? ''}${await answer.text()}`,
    };
  }

  return {
    gatehouse,
    remote,
    get opened() {
      return opened;
    },
    forget() {
      opened.provider.close();
      opened = open();
      return opened;
    },
    begin,
    finish,
    async attempt(overrides) {
      const { browser, login } = await begin(overrides);
      return finish(browser, await remote.logIn(login));
    },
    enter: () => signIn(gatehouse, { logIn: (url) => remote.logIn(url) }),
    async close() {
      opened.provider.close();
      await gatehouse.close();
      await remote.close();
    },
  };
}
