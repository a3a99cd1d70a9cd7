import { Readable } from 'node:stream';

import type { GatehouseConfig, MountConfig } from '../../src/gateway/config/config.ts';
import { loadConfig } from '../../src/gateway/config/load-config.ts';
import { createGateway, type Gateway, type Listening } from '../../src/gateway/gateway.ts';
import type { OutboundNetwork } from '../../src/platform/outbound/outbound-network.ts';
import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { createLogger } from '../../src/platform/telemetry/logger.ts';
import type { GatehouseEvent } from '../../src/services/audit/events.ts';
import type { BrowserTarget } from './browser.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeIdentityProvider } from './fake-identity-provider.ts';
import { callPort } from './mount-client.ts';

export interface TestGatehouseOptions {
  /** Over the harness's own environment; `undefined` unsets. */
  readonly env?: Record<string, string | undefined>;
  /** Text of the configuration file. The upstream is named there, and the first of its mounts is `mount`. */
  readonly file?: string;
  /** Texts of the files that it names. */
  readonly files?: Readonly<Record<string, string>>;
  /** URL of the MCP server behind; nothing listens there by default. */
  readonly upstream?: string;
  /** What is served, in place of the one mount that the environment describes. */
  readonly mounts?: (only: MountConfig) => GatehouseConfig['mounts'];
  readonly clock?: FakeClock;
  readonly store?: Store;
  /** For replicas that share one. */
  readonly identityProvider?: FakeIdentityProvider;
  /** Where metadata documents come from. Default: a network without names. */
  readonly network?: OutboundNetwork;
}

/** A whole gatehouse with a fake clock, a fake identity provider and everything it emitted and logged. */
export interface TestGatehouse extends BrowserTarget {
  readonly publicUrl: string;
  readonly mount: string;
  readonly resource: string;
  readonly clock: FakeClock;
  readonly identityProvider: FakeIdentityProvider;
  readonly events: GatehouseEvent[];
  /** Everything that was logged, as text: for canaries. */
  readonly logged: () => string;
  readonly store: Store;
  readonly gateway: Gateway;
  readonly config: GatehouseConfig;
  /** Binds real sockets on 127.0.0.1; called by itself for requests to the mount. */
  listen(): Promise<Listening & { readonly url: string }>;
  close(): Promise<void>;
}

const baseEnvironment: Record<string, string> = {
  PROD_MODE: 'false',
  OIDC_ISSUER_URL: 'https://login.test',
  OIDC_CLIENT_ID: 'gatehouse',
  OIDC_CLIENT_SECRET: 'provider-client-secret',
  PROXY_BASE_URL: 'https://gatehouse.test',
  UPSTREAM_MCP_URL: 'http://127.0.0.1:9/mcp',
  TOKEN_SIGNING_SECRET: 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret',
  LISTEN_ADDR: '127.0.0.1:0',
  METRICS_ADDR: '127.0.0.1:0',
  STORE_PATH: ':memory:',
  RATE_LIMIT_ENABLED: 'false',
};

const configFile = '/gatehouse.yaml';

const nowhere: OutboundNetwork = {
  resolve: () => Promise.reject(new Error('no such name')),
  dial: () => {
    throw new Error('no network in this test');
  },
};

export async function createTestGatehouse(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const env: Record<string, string | undefined> = {
    ...baseEnvironment,
    ...(options.upstream === undefined ? {} : { UPSTREAM_MCP_URL: options.upstream }),
    ...(options.file === undefined ? {} : { UPSTREAM_MCP_URL: undefined, GATEHOUSE_CONFIG: configFile }),
    ...options.env,
  };
  const loaded = loadConfig(env, (path) => {
    if (path === configFile && options.file !== undefined) return options.file;
    const text = options.files?.[path];
    if (text !== undefined) return text;
    throw new Error('no files in this test');
  });
  const config =
    options.mounts === undefined ? loaded : { ...loaded, mounts: options.mounts(loaded.mounts[0]) };
  const clock = options.clock ?? new FakeClock();
  const store = options.store ?? createMemoryStore({ clock });
  const identityProvider = options.identityProvider ?? new FakeIdentityProvider();
  const events: GatehouseEvent[] = [];
  const lines: string[] = [];
  const log = createLogger({
    level: 'trace',
    destination: {
      write: (line) => {
        lines.push(line);
      },
    },
  });
  const gateway = createGateway(config, {
    log,
    clock,
    store,
    // Those of a file are real ones, with simulators where they say that they are.
    ...(config.identityProviders.length > 1 ? {} : { identityProvider }),
    network: options.network ?? nowhere,
    onEvent: (event) => events.push(event),
  });
  const publicUrl = config.publicUrl;
  const mount = config.mounts[0].path;
  let listening: Promise<Listening> | undefined;
  const listen = async (): Promise<Listening & { readonly url: string }> => {
    listening ??= gateway.listen();
    const bound = await listening;
    return { ...bound, url: `http://127.0.0.1:${bound.publicPort}` };
  };
  return {
    publicUrl,
    mount,
    resource: `${publicUrl}${mount}`,
    clock,
    identityProvider,
    events,
    logged: () => lines.join(''),
    store,
    gateway,
    config,
    listen,
    async fetch(pathOrUrl, init) {
      const url = new URL(pathOrUrl, publicUrl);
      if (isOfMount(url, config.mounts)) {
        const { publicPort, url: socketUrl } = await listen();
        // Of the issuer's mounts, Host is the address of the socket, as behind a proxy that says nothing.
        if (url.origin !== publicUrl) return fetchUnderHost(publicPort, url, init);
        return fetch(`${socketUrl}${url.pathname}${url.search}`, { redirect: 'manual', ...init });
      }
      const request = new Request(url, { redirect: 'manual', ...init });
      return gateway.fetch(request, { requestId: 'test-request', clientAddress: '192.0.2.1' });
    },
    close: () => gateway.close(0),
  };
}

function isOfMount({ origin, pathname }: URL, mounts: GatehouseConfig['mounts']): boolean {
  return mounts.some(
    ({ publicOrigin, path }) =>
      isAt(origin, publicOrigin) &&
      (pathname === path || pathname.startsWith(`${path}/`)) &&
      !pathname.startsWith(`${path}/.well-known/`),
  );
}

/** An origin may have a `*` in place of its first label. */
function isAt(origin: string, publicOrigin: string): boolean {
  return origin === publicOrigin || origin.replace(/:\/\/[^.]*\./, '://*.') === publicOrigin;
}

/** What `fetch` does not: it has its own mind about Host. */
async function fetchUnderHost(port: number, url: URL, init: RequestInit = {}): Promise<Response> {
  const headers = { ...Object.fromEntries(new Headers(init.headers)), host: url.host };
  const { message } = await callPort(
    port,
    {
      method: init.method ?? 'GET',
      target: `${url.pathname}${url.search}`,
      headers,
      bearer: null,
      ...(typeof init.body === 'string' ? { body: init.body } : {}),
    },
    () => '',
  );
  const received = Object.entries(message.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  return new Response(Readable.toWeb(message) as ReadableStream<Uint8Array>, {
    status: message.statusCode ?? 0,
    headers: received,
  });
}
