import { X509Certificate } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createTestAuthority, type KeyPair, type TestAuthority } from '../support/certificates.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type CertifiedFront, startCertifiedFront } from '../support/identity/certified-front.ts';
import { openProvider, type OpenedProvider, refusalOf } from '../support/identity/opened-provider.ts';
import { startPlatform, type TestPlatform } from '../support/identity/platform.ts';
import { TestOpenIdProvider } from '../support/openid-provider.ts';
import { createPemFolder, type PemFolder } from '../support/pem-folder.ts';

let authority: TestAuthority;
let pair: KeyPair;
let folder: PemFolder;

beforeAll(() => {
  authority = createTestAuthority();
  folder = createPemFolder();
  pair = authority.issue('DNS:gatehouse.test');
  folder.write('client.pem', pair.cert + pair.key);
});
afterAll(() => {
  authority.close();
  folder.remove();
});

let clock: FakeClock;
let remote: TestOpenIdProvider;
let opened: OpenedProvider | undefined;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  clock = new FakeClock();
  remote = await TestOpenIdProvider.start(clock);
  remote.refreshTokens = 'kept';
  closers.push(() => remote.close());
});
afterEach(async () => {
  opened?.provider.close();
  for (const close of closers.splice(0).toReversed()) await close();
});

describe('I. identity provider leg: the certificate of this server', () => {
  const fingerprint = (): string => new X509Certificate(pair.cert).fingerprint256;

  function open(env: Readonly<Record<string, string>> = {}): OpenedProvider {
    const own = { OIDC_CLIENT_SECRET: undefined, OIDC_CLIENT_CERT_FILE: folder.path('client.pem'), ...env };
    const network = {
      resolve: () => Promise.reject(new Error('no names in this test')),
      dial: (address: string, port: number) => connect(port, address),
      ca: authority.cert,
    };
    opened = openProvider(remote, clock, own, network);
    return opened;
  }

  async function startFront(): Promise<CertifiedFront> {
    const front = await startCertifiedFront(remote, authority);
    closers.push(() => front.close());
    remote.shape = { takesCertificate: (shown) => shown === fingerprint() };
    return front;
  }

  /** What the discovery document says from the start on. */
  function lie(metadata: Record<string, unknown>): void {
    remote.misbehaviour = { metadata };
  }

  it('290: opens no door elsewhere: a document that names another host gets no connection, no code, no certificate', async () => {
    const front = await startFront();
    const elsewhere = `https://localhost:${front.port}/token`;
    for (const metadata of [
      { mtls_endpoint_aliases: { token_endpoint: elsewhere } },
      { token_endpoint: elsewhere },
      { mtls_endpoint_aliases: { token_endpoint: `https://127.0.0.1@localhost:${front.port}/token` } },
      { mtls_endpoint_aliases: { token_endpoint: `https://127.0.0.1.localhost:${front.port}/token` } },
    ]) {
      lie(metadata);
      const refusal = await refusalOf(open().logIn());
      expect(refusal.cause).toMatchObject({ code: 'client_certificate_host' });
      opened?.provider.close();
    }
    expect(front.connections()).toBe(0);
    expect(remote.count('token')).toBe(0);
  });

  it.each([
    ['http', 'insecure_url', () => `${remote.origin}/token`],
    ['nothing', 'metadata_incomplete', () => 'token'],
  ])('290: is not sent without TLS: an alias that is %s ends the login', async (_what, code, alias) => {
    await startFront();
    lie({ mtls_endpoint_aliases: { token_endpoint: alias() } });
    expect((await refusalOf(open().logIn())).cause).toMatchObject({ code });
    expect(remote.count('token')).toBe(0);
  });

  it('290: leads no client elsewhere that has none: aliases are for those with a certificate', async () => {
    const front = await startFront();
    remote.shape = {};
    lie({ mtls_endpoint_aliases: { token_endpoint: `${front.origin}/token` } });
    opened = openProvider(remote, clock, {});
    await opened.logIn();
    expect([front.connections(), remote.count('token')]).toEqual([0, 1]);
  });

  it('291: is shown at the token endpoint, and at no other address of the same host', async () => {
    const front = await startFront();
    lie({ token_endpoint: `${front.origin}/token`, jwks_uri: `${front.origin}/jwks` });
    // The authority of the front is known where the certificate is shown, and nowhere else: keys are fetched as ever.
    const refusal = await refusalOf(open().logIn());
    expect(refusal).toMatchObject({ reason: 'id_token_verification_failed' });
    expect(front.requests.map(({ path, fingerprint: shown }) => [path, shown])).toEqual([
      ['/token', fingerprint()],
    ]);
  });

  it('291: follows no redirect of the token endpoint', async () => {
    const front = await startFront();
    lie({ token_endpoint: `${front.origin}/token` });
    remote.misbehaviour = { ...remote.misbehaviour, transport: { token: 'redirect' } };
    await refusalOf(open().logIn());
    expect(front.requests).toHaveLength(1);
  });
});

describe('I. identity provider leg: the token of the platform', () => {
  let platform: TestPlatform;

  beforeEach(async () => {
    platform = await startPlatform(clock);
    closers.push(() => platform.close());
    remote.shape = {
      takesAssertion: (assertion) => Promise.resolve(platform.issued.includes(assertion)),
    };
  });

  function open(env: Readonly<Record<string, string>>): OpenedProvider {
    opened = openProvider(remote, clock, { OIDC_CLIENT_SECRET: undefined, ...env }, platform.network);
    return opened;
  }

  it('324: goes to the host of the issuer, or to one that the operator named', async () => {
    const { port } = new URL(remote.issuer);
    remote.misbehaviour = { metadata: { token_endpoint: `http://localhost:${port}/token` } };
    const azure = { OIDC_CLIENT_TOKEN_SOURCE: 'azure' };
    const { logIn, provider, logged } = open(azure);
    expect((await refusalOf(logIn())).cause).toMatchObject({ code: 'client_token_host' });
    expect([remote.count('token'), platform.issued]).toEqual([0, []]);
    expect(logged()).toContain('OIDC_CLIENT_TOKEN_HOSTS');
    provider.close();
    await open({ ...azure, OIDC_CLIENT_TOKEN_HOSTS: 'LOCALHOST' }).logIn();
    expect(remote.count('token')).toBeGreaterThan(0);
  });

  const gcp = { OIDC_CLIENT_TOKEN_SOURCE: 'gcp', OIDC_CLIENT_TOKEN_AUDIENCE: 'https://login.test' };

  it.each(['http_proxy', 'HTTP_PROXY', 'GCE_METADATA_HOST', 'GCE_METADATA_IP'])(
    '292: is asked for at one address, wherever the environment (%s) says that it is',
    async (variable) => {
      const before = process.env[variable];
      process.env[variable] = remote.origin;
      try {
        await open({ ...gcp, [variable]: remote.origin }).logIn();
      } finally {
        if (before === undefined) Reflect.deleteProperty(process.env, variable);
        else process.env[variable] = before;
      }
      expect(new Set(platform.dialled)).toEqual(new Set(['169.254.169.254:80']));
      expect(remote.requests.map(({ endpoint }) => endpoint)).not.toContain('unknown');
    },
  );

  it('292: is not fetched where a redirect leads, nor what the job shows', async () => {
    const location = `${remote.origin}/elsewhere`;
    platform.odd = { status: 307, body: '', headers: { location } };
    const { url, token } = platform.actions;
    const job = { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token };
    const actions = {
      OIDC_CLIENT_TOKEN_SOURCE: 'github-actions',
      OIDC_CLIENT_TOKEN_AUDIENCE: 'them',
      ...job,
    };
    for (const env of [gcp, actions]) {
      const refusal = await refusalOf(open(env).logIn());
      expect(refusal.cause).toMatchObject({ code: 'client_token_malformed' });
      opened?.provider.close();
    }
    expect(remote.requests.map(({ endpoint }) => endpoint)).not.toContain('unknown');
    expect(remote.count('token')).toBe(0);
  });

  it('293: is never shown: in no log, whatever becomes of it', async () => {
    const { url, token } = platform.actions;
    const job = { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token };
    const house = open({
      OIDC_CLIENT_TOKEN_SOURCE: 'github-actions',
      OIDC_CLIENT_TOKEN_AUDIENCE: 'them',
      IDP: 'keycloak',
      ...job,
    });
    await house.logIn();
    remote.shape = { takesAssertion: () => Promise.resolve(false) };
    const refused = await refusalOf(house.logIn());
    platform.odd = { status: 403, body: 'CANARY of the source' };
    clock.advance(4_000);
    const unasked = await refusalOf(house.logIn());
    const shown = [
      house.logged(),
      ...[refused, unasked].map(({ message, cause }) => `${message} ${String(cause)}`),
    ];
    expect(shown.join()).toContain('client_token_refused');
    expect(shown.join()).not.toMatch(/CANARY|eyJ/);
  });

  it('294: a flood of logins costs the source one question, and one a second while it fails', async () => {
    platform.odd = { status: 503, body: '' };
    const house = open(gcp);
    const logins = Array.from({ length: 20 }, () => refusalOf(house.logIn()));
    for (const refusal of await Promise.all(logins)) expect(refusal.reason).toBe('idp_exchange_failed');
    expect(platform.requests).toHaveLength(1);
    clock.advance(1);
    platform.odd = undefined;
    await Promise.all(Array.from({ length: 20 }, () => house.logIn()));
    expect(platform.requests).toHaveLength(2);
  });
});
