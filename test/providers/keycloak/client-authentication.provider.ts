import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import {
  createSelfSigned,
  createTestAuthority,
  type KeyPair,
  type TestAuthority,
} from '../../support/certificates.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startTokenIssuer, type TokenIssuer } from '../../support/identity/token-issuer.ts';
import { createPemFolder, type PemFolder } from '../../support/pem-folder.ts';
import { openHouse, type ProviderHouse } from '../house.ts';
import { type Keycloak, startKeycloak } from './keycloak.ts';
import type { Person } from './realm.ts';

/** As Kubernetes calls a service account. */
const pod = 'system:serviceaccount:mcp:gatehouse';

describe('a gatehouse that a real Keycloak knows without a secret', () => {
  let authority: TestAuthority;
  let folder: PemFolder;
  let own: KeyPair;
  let other: KeyPair;
  let certified: KeyPair;
  let plain: KeyPair;
  let platform: TokenIssuer;
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
    platform = await startTokenIssuer(new FakeClock(Date.now()));
    const clients = {
      keyCertificate: certified.cert,
      keys: { keys: [jwk] },
      subject: 'CN=gatehouse',
      platform: { issuer: platform.issuer, keysUrl: `${platform.origin}/keys`, subject: pod },
    };
    house = await openHouse((publicUrl) => startKeycloak({ publicUrl, tls, certified: clients }));
  });
  afterAll(async () => {
    await house.close();
    await platform.close();
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

  describe('by a token of the platform that it runs on, in a file', () => {
    const claims = () => ({
      aud: `${house.provider.env['KEYCLOAK_URL'] ?? ''}/realms/main`,
      sub: pod,
      client_id: undefined,
      iat: Math.floor(Date.now() / 1000) - 1,
      exp: Math.floor(Date.now() / 1000) + 600,
    });
    const federated = (): Record<string, string> => ({
      ...withoutSecret,
      OIDC_CLIENT_ID: 'gatehouse-federated',
      OIDC_CLIENT_TOKEN_PATH: folder.path('token'),
    });

    it('that is for Keycloak', async () => {
      folder.write('token', platform.issue(claims(), { typ: 'JWT' }));
      await house.restart(federated());
      await useIt();
    });

    it('and not by that of another pod, or for somebody else, until the file has the right one', async () => {
      await house.restart(federated());
      for (const changes of [{ sub: `${pod}-2` }, { aud: 'https://elsewhere.test' }]) {
        folder.write('token', platform.issue({ ...claims(), ...changes }, { typ: 'JWT' }));
        await expect(house.obtainCode('alice')).rejects.toThrow('error=server_error');
      }
      await vi.waitFor(() => expect(house.gatehouse.logged()).toContain('equal to iss, sub and aud'), 10_000);
      folder.write('token', platform.issue({ ...claims(), jti: 'two' }, { typ: 'JWT' }));
      expect(await house.call((await house.signIn('alice')).accessToken)).toBe(200);
    });
  });
});
