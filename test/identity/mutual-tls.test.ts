import { X509Certificate } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { createTestAuthority, type KeyPair, type TestAuthority } from '../support/certificates.ts';
import { complaintsOf } from '../support/configuration.ts';
import { type CertifiedFront, startCertifiedFront } from '../support/identity/certified-front.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startRefusingPeer } from '../support/identity/refusing-peer.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';
import { createPemFolder, type PemFolder } from '../support/pem-folder.ts';

let authority: TestAuthority;
let strangers: TestAuthority;
let known: KeyPair;
let other: KeyPair;
let foreign: KeyPair;

beforeAll(() => {
  authority = createTestAuthority();
  strangers = createTestAuthority();
  known = authority.issue('DNS:gatehouse.test');
  other = authority.issue('DNS:another.test');
  foreign = strangers.issue('DNS:gatehouse.test');
});
afterAll(() => {
  authority.close();
  strangers.close();
});

const fingerprintOf = ({ cert }: KeyPair): string => new X509Certificate(cert).fingerprint256;

describe('a provider that knows this server by its certificate', () => {
  let folder: PemFolder;
  let fronts: Pick<CertifiedFront, 'close'>[] = [];
  const files = { OIDC_CLIENT_SECRET: undefined };
  const started = startForEachTest(
    (remote) => {
      remote.refreshTokens = 'kept';
      remote.shape = { takesCertificate: (fingerprint) => fingerprint === fingerprintOf(known) };
    },
    () => ({ ...files, OIDC_CLIENT_CERT_FILE: folder.path('client.pem') }),
    () => ({
      resolve: () => Promise.reject(new Error('no names in this test')),
      dial: (address, port) => connect(port, address),
      ca: authority.cert,
    }),
  );

  beforeEach(() => {
    folder = createPemFolder();
    folder.write('client.pem', known.cert + known.key);
  });
  afterEach(async () => {
    for (const front of fronts) await front.close();
    fronts = [];
    folder.remove();
  });

  /** The front of the token endpoint, which the discovery document names. */
  async function front(
    options: { readonly alias?: boolean; readonly host?: string; readonly refuses?: boolean } = {},
  ): Promise<CertifiedFront> {
    const { alias = true, host = '127.0.0.1', refuses = false } = options;
    const opened = await startCertifiedFront(started.remote, authority, { refuses });
    fronts.push(opened);
    nameEndpoint(`https://${host}:${opened.port}/token`, alias);
    return opened;
  }

  function nameEndpoint(token_endpoint: string, alias = true): void {
    const metadata = {
      token_endpoint_auth_methods_supported: ['tls_client_auth'],
      ...(alias ? { mtls_endpoint_aliases: { token_endpoint } } : { token_endpoint }),
    };
    started.remote.misbehaviour = { metadata };
  }

  it.each([true, false])(
    'lets people log in and answers about them, with the client id and nothing else to prove it (alias: %s)',
    async (alias) => {
      const { requests } = await front({ alias });
      const login = await started.opened.logIn();
      expect(await started.opened.recheck(login)).toMatchObject({ outcome: 'present' });
      expect(requests.map(({ path, fingerprint }) => [path, fingerprint])).toEqual([
        ['/token', fingerprintOf(known)],
        ['/token', fingerprintOf(known)],
      ]);
      for (const { form, headers } of requests) {
        expect(form.get('client_id')).toBe('gatehouse');
        expect([form.has('client_secret'), form.has('client_assertion'), headers.authorization]).toEqual([
          false,
          false,
          undefined,
        ]);
      }
    },
  );

  it('takes certificate and key from two files', async () => {
    await front();
    const pair = folder.writePair('own', known);
    const env = { OIDC_CLIENT_CERT_FILE: pair.certFile, OIDC_CLIENT_CERT_KEY_FILE: pair.keyFile };
    expect((await started.open(env).logIn()).identity.subject).toBe('alice');
  });

  it('sees another certificate once the file has it, and the former one while the file is not acceptable', async () => {
    const { requests } = await front();
    const { opened } = started;
    await opened.logIn();
    started.remote.shape = { takesCertificate: () => true };
    folder.write('client.pem', other.cert);
    opened.credentials.reload();
    await opened.logIn();
    folder.write('client.pem', other.cert + other.key);
    opened.credentials.reload();
    await opened.logIn();
    expect(requests.map(({ fingerprint }) => fingerprint)).toEqual([
      fingerprintOf(known),
      fingerprintOf(known),
      fingerprintOf(other),
    ]);
    expect(opened.events.map(({ type }) => type)).toEqual([
      'certificate_reload_refused',
      'certificate_reloaded',
    ]);
  });

  it('refuses the certificate of another client, and nobody is taken for gone', async () => {
    await front();
    const login = await started.opened.logIn();
    folder.write('client.pem', other.cert + other.key);
    started.opened.credentials.reload();
    const refusal = await refusalOf(started.opened.logIn());
    expect(refusal).toMatchObject({ reason: 'idp_exchange_failed', status: 502 });
    expect(refusal.cause).toMatchObject({ name: 'ProviderFailure.invalid_client' });
    expect(await started.opened.recheck(login)).toEqual({ outcome: 'unanswered' });
    expect(started.opened.logged()).toContain('OIDC_CLIENT_CERT_FILE: compare subject or thumbprint');
  });

  it('refuses in the handshake the certificate of nobody known, which is told apart from no network', async () => {
    const peer = await startRefusingPeer(authority, folder);
    fronts.push(peer);
    nameEndpoint(`https://127.0.0.1:${peer.port}/token`);
    folder.write('client.pem', foreign.cert + foreign.key);
    const opened = started.open({ IDP: 'keycloak' });
    const refusal = await refusalOf(opened.logIn());
    expect(refusal.cause).toMatchObject({ name: 'ProviderFailure.certificate_refused' });
    await vi.waitFor(() => expect(opened.logged()).toContain('idp_start_check_failed'));
    expect(opened.logged()).toContain('refuses the certificate');
  });

  it('may hang up on it without a word, which is said', async () => {
    await front({ refuses: true });
    folder.write('client.pem', foreign.cert + foreign.key);
    const refusal = await refusalOf(started.opened.logIn());
    expect(refusal.cause).toMatchObject({ name: 'ProviderFailure.network' });
    expect(started.opened.logged()).toContain('some hang up on a certificate');
  });

  it('sees no certificate that has expired: nothing is sent', async () => {
    const { connections } = await front();
    await started.opened.logIn();
    started.clock.advance(4 * 86_400);
    const before = connections();
    const refusal = await refusalOf(started.opened.logIn());
    expect(refusal.cause).toMatchObject({ name: 'ProviderFailure.client_certificate_expired' });
    expect(connections()).toBe(before);
  });

  it('is told of a host that may see the certificate beside its own', async () => {
    const { requests } = await front({ host: 'localhost' });
    const refused = started.open();
    const refusal = await refusalOf(refused.logIn());
    expect(refusal.cause).toMatchObject({ name: 'ProviderFailure.client_certificate_host' });
    expect(refused.logged()).toContain('OIDC_CLIENT_CERT_HOSTS');
    await started.open({ OIDC_CLIENT_CERT_HOSTS: 'LOCALHOST' }).logIn();
    expect(requests.map(({ fingerprint }) => fingerprint)).toEqual([fingerprintOf(known)]);
  });

  it('has the end of its certificate watched', async () => {
    await front();
    const end = Math.floor(new X509Certificate(known.cert).validToDate.getTime() / 1000);
    expect(started.opened.credentials.expiresAt()).toBe(end);
  });

  it('is told of at the start when it does not list the method, and is tried nevertheless', async () => {
    await front();
    const { metadata } = started.remote.misbehaviour;
    const token_endpoint_auth_methods_supported = ['client_secret_basic'];
    started.remote.misbehaviour = { metadata: { ...metadata, token_endpoint_auth_methods_supported } };
    const opened = started.open();
    await vi.waitFor(() => expect(opened.logged()).toContain('client_method_unlisted'));
    expect((await opened.logIn()).identity.subject).toBe('alice');
  });
});

describe('the certificate of this server at the provider', () => {
  it.each([
    [
      'beside a secret',
      { OIDC_CLIENT_CERT_FILE: 'c.pem' },
      'OIDC_CLIENT_CERT_FILE is set, and so is OIDC_CLIENT_SECRET',
    ],
    [
      'as a key without it',
      { OIDC_CLIENT_CERT_KEY_FILE: 'c.pem' },
      'OIDC_CLIENT_CERT_KEY_FILE is set, and OIDC_CLIENT_CERT_FILE is not: it would have no effect',
    ],
    [
      'as hosts without it',
      { OIDC_CLIENT_CERT_HOSTS: 'mtls.login.test' },
      'OIDC_CLIENT_CERT_HOSTS is set, and OIDC_CLIENT_CERT_FILE is not: it would have no effect',
    ],
    [
      'for hosts that are none',
      { OIDC_CLIENT_SECRET: undefined, OIDC_CLIENT_CERT_FILE: 'c.pem', OIDC_CLIENT_CERT_HOSTS: 'https://a' },
      'OIDC_CLIENT_CERT_HOSTS has an entry that is no host',
    ],
    [
      'at GitHub',
      {
        IDP: 'github',
        OIDC_CLIENT_SECRET: undefined,
        OIDC_CLIENT_CERT_FILE: 'c.pem',
        ALLOWED_GROUPS: 'acme',
      },
      'OIDC_CLIENT_CERT_FILE is set, and GitHub knows its clients by a secret only',
    ],
  ])('is refused %s', (_what, changes, complaint) => {
    expect(complaintsOf(changes)).toEqual([complaint]);
  });
});
