import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { openClientCredentials } from '../../src/gateway/client-credentials.ts';
import { createTestAuthority } from '../support/certificates.ts';
import { load } from '../support/configuration.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { createPemFolder } from '../support/pem-folder.ts';

const authority = createTestAuthority();
const files = createPemFolder();
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(() => {
  authority.close();
  files.remove();
});

function writeCertificate(): string {
  const { cert, key } = authority.issue('DNS:gatehouse.test');
  files.write('client.pem', cert + key);
  return cert;
}

async function start(): Promise<TestGatehouse> {
  const env = { OIDC_CLIENT_SECRET: '', OIDC_CLIENT_CERT_FILE: files.path('client.pem') };
  const gatehouse = await createTestGatehouse({ env });
  closers.push(() => gatehouse.close());
  return gatehouse;
}

const endOf = (cert: string): number => Date.parse(new X509Certificate(cert).validTo) / 1000;

describe('the certificate that an identity provider is shown', () => {
  it('has its end on /metrics, and is read again when told to', async () => {
    const cert = writeCertificate();
    const gatehouse = await start();
    const { metricsPort } = await gatehouse.listen();
    const read = async (): Promise<string> => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const gauge = 'gatehouse_tls_certificate_expires_timestamp_seconds{use="identity_provider"}';
    expect(await read()).toContain(`${gauge} ${endOf(cert)}`);

    writeCertificate();
    await gatehouse.gateway.reload();
    const use = 'identity_provider';
    expect(gatehouse.events).toContainEqual({ type: 'certificate_reloaded', use });
    files.write('client.pem', 'none');
    await gatehouse.gateway.reload();
    const refused = { type: 'certificate_reload_refused', use, file: 'certificate', fault: 'malformed' };
    expect(gatehouse.events).toContainEqual(refused);
    expect(await read()).toContain('gatehouse_certificate_reloads_total{use="identity_provider"} 1');
  });

  it('keeps a gatehouse from starting that cannot show it', async () => {
    files.write('client.pem', 'none');
    const gatehouse = await createTestGatehouse({
      env: { OIDC_CLIENT_SECRET: '', OIDC_CLIENT_CERT_FILE: files.path('client.pem') },
    });
    await expect(gatehouse.listen()).rejects.toThrow('has no certificate in it');
    await gatehouse.gateway.close(0);
  });

  it('is that of one provider, and no other has any', () => {
    writeCertificate();
    const { identityProviders } = load({
      OIDC_CLIENT_SECRET: undefined,
      OIDC_CLIENT_CERT_FILE: files.path('client.pem'),
    });
    const [corp] = identityProviders;
    if (corp === undefined) throw new Error('there is no identity provider');
    const partner = { ...corp, name: 'partner', clientSecret: 'secret', clientCertificate: undefined };
    const credentials = openClientCredentials(
      { identityProviders: [corp, partner] },
      { clock: new FakeClock(), emit: () => undefined },
    );
    expect(credentials.of(corp).credential.method).toBe('mutual_tls');
    expect(credentials.of(partner)).toMatchObject({
      credential: { method: 'secret', secret: 'secret' },
      certified: undefined,
    });
    credentials.close();
  });
});
