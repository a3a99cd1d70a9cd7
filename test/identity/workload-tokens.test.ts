import { decodeJwt } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { complaintsOf, load } from '../support/configuration.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { type OddAnswer, startPlatform, type TestPlatform } from '../support/identity/platform.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

let platform: TestPlatform;
let taken: string[] = [];

const metadataAddress = '169.254.169.254:80';

type Environment = Readonly<Record<string, string | undefined>>;

interface Source {
  readonly name: string;
  readonly env: () => Environment;
  readonly audience: string;
  /** What the log says of a source that is not there. */
  readonly hint: string;
}

const sources: readonly Source[] = [
  {
    name: 'gcp',
    env: () => ({ OIDC_CLIENT_TOKEN_SOURCE: 'gcp', OIDC_CLIENT_TOKEN_AUDIENCE: 'https://login.test' }),
    audience: 'https://login.test',
    hint: 'does this server run in Google Cloud',
  },
  {
    name: 'azure',
    env: () => ({ OIDC_CLIENT_TOKEN_SOURCE: 'azure' }),
    audience: 'api://AzureADTokenExchange',
    hint: 'does this server run on a virtual machine of Azure',
  },
  {
    name: 'github-actions',
    env: () => ({
      OIDC_CLIENT_TOKEN_SOURCE: 'github-actions',
      OIDC_CLIENT_TOKEN_AUDIENCE: 'api://gatehouse',
      ACTIONS_ID_TOKEN_REQUEST_URL: platform.actions.url,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: platform.actions.token,
    }),
    audience: 'api://gatehouse',
    hint: 'ACTIONS_ID_TOKEN_REQUEST_URL',
  },
];

describe.each(sources)('a provider that trusts the tokens of $name', (source) => {
  const started = startForEachTest(
    (remote) => {
      remote.refreshTokens = 'kept';
      remote.shape = {
        takesAssertion: (assertion) => {
          taken.push(assertion);
          return Promise.resolve(platform.issued.includes(assertion));
        },
        metadata: { token_endpoint_auth_methods_supported: ['private_key_jwt'] },
      };
    },
    () => ({ OIDC_CLIENT_SECRET: undefined, ...source.env() }),
    () => platform.network,
  );

  beforeEach(async () => {
    taken = [];
    platform = await startPlatform(started.clock);
  });
  afterEach(() => platform.close());

  it('lets people log in and answers about them, for one token that is for it', async () => {
    const login = await started.opened.logIn();
    expect(await started.opened.recheck(login)).toMatchObject({ outcome: 'present' });
    expect(new Set(taken)).toEqual(new Set(platform.issued));
    expect(platform.requests).toHaveLength(1);
    expect(decodeJwt(taken[0] ?? '')).toMatchObject({ aud: source.audience });
    expect(platform.dialled).toEqual(source.name === 'github-actions' ? [] : [metadataAddress]);
  });

  it('sees another token before the first one ends', async () => {
    await started.opened.logIn();
    started.clock.advance(3600 - 61);
    await started.opened.logIn();
    expect(platform.issued).toHaveLength(1);
    started.clock.advance(1);
    await started.opened.logIn();
    expect(taken.at(-1)).toBe(platform.issued[1]);
  });

  it('costs one question however many log in at once', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    platform.held = promise;
    const logins = Array.from({ length: 8 }, () => started.opened.logIn());
    await vi.waitFor(() => expect(platform.requests).toHaveLength(1));
    resolve();
    await Promise.all(logins);
    expect(platform.issued).toHaveLength(1);
  });

  it('goes on with a token that holds while the source fails', async () => {
    await started.opened.logIn();
    platform.odd = { status: 500, body: 'CANARY' };
    started.clock.advance(3600 - 30);
    await started.opened.logIn();
    expect(taken.at(-1)).toBe(platform.issued[0]);
    started.clock.advance(30);
    expect((await refusalOf(started.opened.logIn())).cause).toMatchObject({
      name: 'ProviderFailure.client_token_unanswered',
    });
  });

  const page = { 'content-type': 'text/html' };
  const oddAnswers: ReadonlyArray<readonly [string, OddAnswer, string]> = [
    ['a page', { status: 200, body: '<p>CANARY</p>', headers: page }, 'malformed'],
    [
      'a redirect',
      { status: 302, body: '', headers: { location: 'http://127.0.0.1:9/CANARY' } },
      'malformed',
    ],
    ['no end', { status: 200, body: 'CANARY'.repeat(20_000) }, 'malformed'],
    ['a list', { status: 200, body: '["CANARY"]' }, 'malformed'],
    ['nothing', { status: 204, body: '' }, 'malformed'],
    ['that it will not', { status: 403, body: 'CANARY' }, 'refused'],
    ['that it does not know', { status: 404, body: 'CANARY' }, 'refused'],
    ['that it is too much', { status: 429, body: 'CANARY' }, 'unanswered'],
    ['that it is broken', { status: 503, body: 'CANARY' }, 'unanswered'],
  ];
  it.each(oddAnswers)(
    'is sent nothing when the source answers %s, and nobody is taken for gone',
    async (_what, odd, kind) => {
      platform.lifetimeSeconds = 61;
      const login = await started.opened.logIn();
      platform.odd = odd;
      started.clock.advance(61);
      const refusal = await refusalOf(started.opened.logIn());
      expect(refusal).toMatchObject({ reason: 'idp_exchange_failed' });
      expect(refusal.cause).toMatchObject({ name: `ProviderFailure.client_token_${kind}` });
      expect(await started.opened.recheck(login)).toEqual({ outcome: 'unanswered' });
      expect(taken).toHaveLength(1);
      // What failed is not asked again at once.
      expect(platform.requests).toHaveLength(2);
      expect(started.opened.logged()).not.toMatch(/CANARY|eyJ/);
    },
  );

  it('is sent no token that is over', async () => {
    platform.lifetimeSeconds = 0;
    const refusal = await refusalOf(started.opened.logIn());
    expect(refusal.cause).toMatchObject({ name: 'ProviderFailure.client_token_expired' });
    expect(taken).toEqual([]);
    expect(started.opened.logged()).toContain('set the clock');
  });

  it('is told of at the start, with what to do next, when the source is not there', async () => {
    platform.odd = { status: 502, body: 'CANARY' };
    const opened = started.open();
    await vi.waitFor(() => expect(opened.logged()).toContain('idp_start_check_failed'));
    expect(opened.logged()).toContain(source.hint);
    expect(opened.logged()).not.toMatch(/CANARY|eyJ/);
  });

  it('is told what to compare when it does not take the token', async () => {
    started.remote.shape = { ...started.remote.shape, takesAssertion: () => Promise.resolve(false) };
    const opened = started.open();
    const refusal = await refusalOf(opened.logIn());
    expect(refusal.cause).toMatchObject({ name: 'ProviderFailure.invalid_client' });
    expect(opened.logged()).toContain('equal to iss, sub and aud');
  });
});

describe('a machine of Azure with several identities', () => {
  const identity = '8eaef023-2b34-4da1-9baa-8bc8c9d6a490';
  const started = startForEachTest(
    (remote) => {
      remote.shape = { takesAssertion: () => Promise.resolve(true) };
    },
    () => ({
      OIDC_CLIENT_SECRET: undefined,
      OIDC_CLIENT_TOKEN_SOURCE: 'azure',
      OIDC_CLIENT_TOKEN_IDENTITY: identity,
      OIDC_CLIENT_TOKEN_AUDIENCE: 'api://AzureADTokenExchangeUSGov',
    }),
    () => platform.network,
  );
  beforeEach(async () => {
    platform = await startPlatform(started.clock);
  });
  afterEach(() => platform.close());

  it('is asked for the token of the one that is meant', async () => {
    await started.opened.logIn();
    const { searchParams } = new URL(platform.requests[0]?.url ?? '', 'http://metadata');
    expect(Object.fromEntries(searchParams)).toEqual({
      'api-version': '2018-02-01',
      resource: 'api://AzureADTokenExchangeUSGov',
      client_id: identity,
    });
  });
});

describe('the metadata service of another cloud', () => {
  it('gives no token of Google Cloud: its answers do not say that they are from there', async () => {
    const clock = new FakeClock();
    platform = await startPlatform(clock);
    const token = Buffer.from(JSON.stringify({ exp: clock.nowSeconds() + 600 })).toString('base64url');
    platform.odd = { status: 200, body: `e30.${token}.c2ln` };
    const { createMetadataFetch } = await import('../../src/platform/outbound/metadata-fetch.ts');
    const { createGoogleMetadataSource } =
      await import('../../src/services/identity/workload/google-metadata.ts');
    const options = { totalTimeoutMs: 3_000, maxBytes: 1_000, userAgent: 'test', network: platform.network };
    const source = createGoogleMetadataSource('https://login.test', createMetadataFetch(options));
    await expect(source.ask()).rejects.toMatchObject({ code: 'client_token_malformed' });
    platform.odd = { ...platform.odd, headers: { 'metadata-flavor': 'Google' } };
    expect(await source.ask()).toContain(token);
    await platform.close();
  });
});

describe('the token of the platform', () => {
  const withoutSecret = { OIDC_CLIENT_SECRET: undefined };
  const gcp = { ...withoutSecret, OIDC_CLIENT_TOKEN_SOURCE: 'gcp', OIDC_CLIENT_TOKEN_AUDIENCE: 'them' };
  const actions = {
    ...withoutSecret,
    OIDC_CLIENT_TOKEN_SOURCE: 'github-actions',
    OIDC_CLIENT_TOKEN_AUDIENCE: 'them',
    ACTIONS_ID_TOKEN_REQUEST_URL: 'https://run.actions.test/token?api-version=2.0',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'token',
  };

  it.each([
    [
      'beside a secret',
      { ...gcp, OIDC_CLIENT_SECRET: 'secret' },
      'OIDC_CLIENT_TOKEN_SOURCE is set, and so is OIDC_CLIENT_SECRET',
    ],
    [
      'from two sources',
      { ...gcp, OIDC_CLIENT_TOKEN_PATH: '/token' },
      'OIDC_CLIENT_TOKEN_PATH is set, and so is OIDC_CLIENT_TOKEN_SOURCE',
    ],
    [
      'from an unknown source',
      { ...gcp, OIDC_CLIENT_TOKEN_SOURCE: 'aws' },
      'OIDC_CLIENT_TOKEN_SOURCE is none of file, github-actions, gcp, azure',
    ],
    [
      'from a file that is not named',
      { ...withoutSecret, OIDC_CLIENT_TOKEN_SOURCE: 'file' },
      'OIDC_CLIENT_TOKEN_PATH is not set',
    ],
    [
      'for nobody',
      { ...gcp, OIDC_CLIENT_TOKEN_AUDIENCE: undefined },
      'OIDC_CLIENT_TOKEN_AUDIENCE is not set, and OIDC_CLIENT_TOKEN_SOURCE is gcp',
    ],
    [
      'from a file for somebody else',
      {
        ...withoutSecret,
        OIDC_CLIENT_TOKEN_SOURCE: 'file',
        OIDC_CLIENT_TOKEN_PATH: '/token',
        OIDC_CLIENT_TOKEN_AUDIENCE: 'them',
      },
      'OIDC_CLIENT_TOKEN_AUDIENCE is set, and OIDC_CLIENT_TOKEN_SOURCE is file: it would have no effect',
    ],
    [
      'for nobody without a source',
      { OIDC_CLIENT_TOKEN_AUDIENCE: 'them' },
      'OIDC_CLIENT_TOKEN_AUDIENCE is set, and OIDC_CLIENT_TOKEN_SOURCE is not: it would have no effect',
    ],
    [
      'of an identity that only Azure has',
      { ...gcp, OIDC_CLIENT_TOKEN_IDENTITY: '8eaef023-2b34-4da1-9baa-8bc8c9d6a490' },
      'OIDC_CLIENT_TOKEN_IDENTITY is set, and OIDC_CLIENT_TOKEN_SOURCE is gcp: it would have no effect',
    ],
    [
      'of an identity by its name',
      { ...withoutSecret, OIDC_CLIENT_TOKEN_SOURCE: 'azure', OIDC_CLIENT_TOKEN_IDENTITY: 'gatehouse' },
      'OIDC_CLIENT_TOKEN_IDENTITY is no client id of a managed identity',
    ],
    [
      'of a job without the permission',
      { ...actions, ACTIONS_ID_TOKEN_REQUEST_TOKEN: undefined },
      'OIDC_CLIENT_TOKEN_SOURCE is github-actions, and ACTIONS_ID_TOKEN_REQUEST_URL or ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set',
    ],
    [
      'asked for in the open',
      { ...actions, ACTIONS_ID_TOKEN_REQUEST_URL: 'http://run.actions.test/token' },
      'OIDC_CLIENT_TOKEN_SOURCE is github-actions, and ACTIONS_ID_TOKEN_REQUEST_URL is no https URL',
    ],
  ])('is refused %s', (_what, changes, complaint) => {
    expect(complaintsOf(changes)).toEqual([complaint]);
  });

  it('may be of a file that is named as the source', () => {
    const env = { ...withoutSecret, OIDC_CLIENT_TOKEN_SOURCE: 'file', OIDC_CLIENT_TOKEN_PATH: '/token' };
    expect(load(env).identityProviders[0]?.clientToken).toEqual({ source: 'file', path: '/token' });
  });
});
