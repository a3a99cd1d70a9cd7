import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { complaintsOf } from '../support/configuration.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { becomeOkta } from '../support/identity/okta.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';
import type { TestOpenIdProvider } from '../support/openid-provider.ts';

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const others = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function pemOf({ privateKey }: typeof keys): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

describe('a provider that knows this server by its key', () => {
  let seen: JWTPayload[] = [];
  let assertions: string[] = [];

  function knowKey(remote: TestOpenIdProvider): void {
    remote.refreshTokens = 'kept';
    const claims = { issuer: remote.clientId, subject: remote.clientId };
    const takesAssertion = async (assertion: string): Promise<boolean> => {
      assertions.push(assertion);
      const currentDate = new Date(new FakeClock().nowMilliseconds());
      const result = await jwtVerify(assertion, keys.publicKey, { ...claims, currentDate }).catch(() => null);
      if (result !== null) seen.push(result.payload);
      return result !== null;
    };
    remote.shape = { ...remote.shape, takesAssertion };
  }

  const withKey = { OIDC_CLIENT_SECRET: undefined, OIDC_CLIENT_KEY: pemOf(keys) };
  const plain = startForEachTest(knowKey, () => withKey);
  const okta = startForEachTest(
    (remote) => {
      becomeOkta(remote);
      knowKey(remote);
    },
    () => ({ IDP: 'okta', ...withKey }),
  );

  beforeEach(() => {
    seen = [];
    assertions = [];
  });

  it('lets people log in and answers about them, for an assertion each that is for it alone', async () => {
    const login = await plain.opened.logIn();
    expect(await plain.opened.recheck(login)).toMatchObject({ outcome: 'present' });
    expect(seen.map(({ aud }) => aud)).toEqual([plain.remote.issuer, plain.remote.issuer]);
    expect(new Set(seen.map(({ jti }) => jti)).size).toBe(2);
    for (const { exp = 0, iat = 0 } of seen) expect(exp - iat).toBeLessThanOrEqual(60);
  });

  it('is told the id of the key', async () => {
    await plain.open({ OIDC_CLIENT_KEY_ID: 'ours-1' }).logIn();
    expect(assertions.map((assertion) => decodeProtectedHeader(assertion))).toEqual([
      { alg: 'ES256', kid: 'ours-1' },
    ]);
  });

  it('refuses another key, and nothing of it or of the assertion is logged', async () => {
    const opened = plain.open({ OIDC_CLIENT_KEY: pemOf(others) });
    const refusal = await refusalOf(opened.logIn());
    expect(refusal).toMatchObject({ reason: 'idp_exchange_failed', status: 502 });
    expect(refusal.cause).toMatchObject({ name: 'ProviderFailure.invalid_client' });
    expect(opened.logged()).not.toContain('eyJ');
  });

  it('is addressed as it wants to be: Okta by its token endpoint', async () => {
    await okta.opened.logIn();
    expect(new Set(seen.map(({ aud }) => aud))).toEqual(new Set([`${okta.remote.issuer}/oauth2/v1/token`]));
  });
});

describe('a provider that trusts the platform this server runs on', () => {
  let folder: string;
  let path: string;
  let taken: string[] = [];
  const trusted = (serial: number): string => `eyJhbGciOiJSUzI1NiJ9.${String(serial)}.signature`;
  const started = startForEachTest(
    (remote) => {
      remote.refreshTokens = 'kept';
      remote.shape = {
        takesAssertion: (assertion) => {
          taken.push(assertion);
          return Promise.resolve(/^eyJhbGciOiJSUzI1NiJ9\.\d\.signature$/.test(assertion));
        },
      };
    },
    () => ({ OIDC_CLIENT_SECRET: undefined, OIDC_CLIENT_TOKEN_PATH: path }),
  );

  beforeEach(async () => {
    taken = [];
    folder = await mkdtemp(join(tmpdir(), 'gatehouse-workload-'));
    path = join(folder, 'token');
    await writeFile(path, `${trusted(1)}\n`);
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('sees the token as it is now, at logins and at rechecks', async () => {
    const login = await started.opened.logIn();
    await writeFile(path, trusted(2));
    expect(await started.opened.recheck(login)).toMatchObject({ outcome: 'present' });
    expect(taken).toEqual([trusted(1), trusted(2)]);
  });

  it.each([
    ['is gone', () => rm(path)],
    ['is empty', () => writeFile(path, '')],
    ['holds no token', () => writeFile(path, 'CANARY of another file')],
    ['never ends', () => writeFile(path, `${trusted(1)}${'x'.repeat(20_000)}`)],
  ])('is not asked when the file %s: logins fail, and nobody is taken for gone', async (_what, spoil) => {
    const login = await started.opened.logIn();
    await spoil();
    const refusal = await refusalOf(started.opened.logIn());
    expect(refusal).toMatchObject({ reason: 'idp_exchange_failed' });
    expect(refusal.cause).toMatchObject({ name: 'ProviderFailure.client_token_unreadable' });
    expect(await started.opened.recheck(login)).toEqual({ outcome: 'unanswered' });
    expect(taken).toHaveLength(1);
    expect(started.opened.logged()).not.toMatch(/CANARY|eyJ/);
  });

  it('is told of at the start, where the preset knows what it says', async () => {
    await rm(path);
    const opened = started.open({ IDP: 'keycloak' });
    await vi.waitFor(() => expect(opened.logged()).toContain('client_token_unreadable'));
  });
});

describe('the credential of this server at the provider', () => {
  it.each([
    ['none', { OIDC_CLIENT_SECRET: undefined }, 'OIDC_CLIENT_SECRET is not set'],
    [
      'secret and key',
      { OIDC_CLIENT_KEY: pemOf(keys) },
      'OIDC_CLIENT_KEY is set, and so is OIDC_CLIENT_SECRET',
    ],
    [
      'secret and token',
      { OIDC_CLIENT_TOKEN_PATH: '/token' },
      'OIDC_CLIENT_TOKEN_PATH is set, and so is OIDC_CLIENT_SECRET',
    ],
    [
      'the id of no key',
      { OIDC_CLIENT_KEY_ID: 'one' },
      'OIDC_CLIENT_KEY_ID is set, and OIDC_CLIENT_KEY is not: it would have no effect',
    ],
    [
      'a key at GitHub',
      { IDP: 'github', OIDC_CLIENT_SECRET: undefined, OIDC_CLIENT_KEY: pemOf(keys), ALLOWED_GROUPS: 'acme' },
      'OIDC_CLIENT_KEY is set, and GitHub knows its clients by a secret only',
    ],
    [
      'a key that is none',
      { OIDC_CLIENT_SECRET: undefined, OIDC_CLIENT_KEY: 'my-secret-value' },
      'OIDC_CLIENT_KEY is no private key in PEM, nor a JWK',
    ],
  ])('is one: %s is refused', (_what, changes, complaint) => {
    expect(complaintsOf({ ...changes })).toEqual([complaint]);
  });
});
