import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import {
  createSelfSigned,
  createTestAuthority,
  type KeyPair,
  type TestAuthority,
} from '../../support/certificates.ts';
import { createPemFolder, type PemFolder } from '../../support/pem-folder.ts';
import { openHouse, type ProviderHouse } from '../house.ts';
import { type Keycloak, startKeycloak } from './keycloak.ts';
import type { Person } from './realm.ts';

describe('a gatehouse that a real Keycloak knows without a secret', () => {
  let authority: TestAuthority;
  let folder: PemFolder;
  let own: KeyPair;
  let other: KeyPair;
  let certified: KeyPair;
  let plain: KeyPair;
  let house: ProviderHouse<Person, Keycloak>;

  beforeAll(async () => {
    authority = createTestAuthority();
    folder = createPemFolder();
    own = authority.issue('DNS:gatehouse.test', '/CN=gatehouse');
    other = authority.issue('DNS:other.test', '/CN=another');
    certified = createSelfSigned('rsa:2048');
    plain = createSelfSigned('ec');
    const server = folder.writePair('keycloak', authority.issue('IP:127.0.0.1'));
    const tls = {
      ...server,
      authority: authority.cert,
      authorityFile: folder.write('authority.pem', authority.cert),
    };
    const jwk = {
      ...createPublicKey(plain.cert).export({ format: 'jwk' }),
      kid: 'ours-1',
      use: 'sig',
      alg: 'ES256',
    };
    const clients = { keyCertificate: certified.cert, keys: { keys: [jwk] }, subject: 'CN=gatehouse' };
    house = await openHouse((publicUrl) => startKeycloak({ publicUrl, tls, certified: clients }));
  });
  afterAll(async () => {
    await house.close();
    folder.remove();
    authority.close();
  });

  const withoutSecret = { OIDC_CLIENT_SECRET: '' };

  /** Somebody logs in, calls, and is asked about again at a refresh. */
  async function useIt(): Promise<void> {
    const tokens = await house.signIn('alice');
    expect(await house.call(tokens.accessToken)).toBe(200);
    expect((await house.refresh(tokens)).status).toBe(200);
    expect(house.gatehouse.logged()).not.toContain('idp_start_check_failed');
  }

  it('by a key of its key set', async () => {
    const key = { OIDC_CLIENT_KEY: plain.key, OIDC_CLIENT_KEY_ID: 'ours-1' };
    await house.restart({ ...withoutSecret, ...key, OIDC_CLIENT_ID: 'gatehouse-key' });
    await useIt();
  });

  it('by the certificate of a key, which the assertion names', async () => {
    const key = { OIDC_CLIENT_KEY: certified.key + certified.cert };
    await house.restart({ ...withoutSecret, ...key, OIDC_CLIENT_ID: 'gatehouse-key-certificate' });
    await useIt();
  });

  it('refuses another key, and says what to look at', async () => {
    const key = { OIDC_CLIENT_KEY: certified.key, OIDC_CLIENT_KEY_ID: 'ours-1' };
    await house.restart({ ...withoutSecret, ...key, OIDC_CLIENT_ID: 'gatehouse-key' });
    await expect(house.obtainCode('alice')).rejects.toThrow('error=server_error');
    await vi.waitFor(
      () => expect(house.gatehouse.logged()).toContain('register the public key of OIDC_CLIENT_KEY'),
      10_000,
    );
  });

  describe('by a certificate of its own', () => {
    const certificate = (): Record<string, string> => ({
      ...withoutSecret,
      OIDC_CLIENT_ID: 'gatehouse-certificate',
      OIDC_CLIENT_CERT_FILE: folder.path('client.pem'),
    });

    it('that has the subject which is registered', async () => {
      folder.write('client.pem', own.cert + own.key);
      await house.restart(certificate());
      await useIt();
    });

    it('and not by that of somebody else, until the file has the right one', async () => {
      folder.write('client.pem', other.cert + other.key);
      await house.restart(certificate());
      await expect(house.obtainCode('alice')).rejects.toThrow('error=server_error');
      expect(house.gatehouse.logged()).toContain('compare subject or thumbprint');

      folder.write('client.pem', own.cert + own.key);
      await vi.waitFor(() => expect(house.gatehouse.logged()).toContain('certificate_reloaded'), 10_000);
      expect(await house.call((await house.signIn('alice')).accessToken)).toBe(200);
    });

    it('and not by one that nobody vouches for', async () => {
      const stranger = createSelfSigned('ec');
      folder.write('client.pem', stranger.cert + stranger.key);
      await house.restart(certificate());
      await expect(house.obtainCode('alice')).rejects.toThrow('error=server_error');
      expect(house.gatehouse.logged()).toMatch(
        /ProviderFailure\.(?:certificate_refused|network|invalid_client)/,
      );
    });
  });
});
