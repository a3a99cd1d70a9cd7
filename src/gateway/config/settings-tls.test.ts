import { describe, expect, it } from 'vitest';

import { load, problemsOf } from '../../../test/support/configuration.ts';

const secureUpstream = { UPSTREAM_MCP_URL: 'https://mcp.internal/mcp' };

describe('the TLS variables', () => {
  it('are unset by default', () => {
    const { certificate, mounts } = load();
    expect(certificate).toBeUndefined();
    expect(mounts[0].upstream.tls).toEqual({ caFile: undefined, certificate: undefined });
    expect(mounts[0].upstream).toMatchObject({ connectTimeoutSeconds: 10, idleTimeoutSeconds: 4 });
  });

  it('name files', () => {
    const { certificate, mounts } = load({
      ...secureUpstream,
      TLS_CERT_FILE: '/tls/tls.crt',
      TLS_KEY_FILE: '/tls/tls.key',
      UPSTREAM_CA_FILE: '/tls/ca.crt',
      UPSTREAM_CLIENT_CERT_FILE: '/tls/client.crt',
      UPSTREAM_CLIENT_KEY_FILE: '/tls/client.key',
      UPSTREAM_CONNECT_TIMEOUT: '2s',
      UPSTREAM_IDLE_TIMEOUT: '1m',
    });
    expect(certificate).toEqual({ certFile: '/tls/tls.crt', keyFile: '/tls/tls.key' });
    expect(mounts[0].upstream).toMatchObject({
      tls: {
        caFile: '/tls/ca.crt',
        certificate: { certFile: '/tls/client.crt', keyFile: '/tls/client.key' },
      },
      connectTimeoutSeconds: 2,
      idleTimeoutSeconds: 60,
    });
  });

  it.each([
    [{ TLS_CERT_FILE: 'a' }, 'TLS_KEY_FILE'],
    [{ TLS_KEY_FILE: 'a' }, 'TLS_CERT_FILE'],
    [{ ...secureUpstream, UPSTREAM_CLIENT_CERT_FILE: 'a' }, 'UPSTREAM_CLIENT_KEY_FILE'],
    [{ ...secureUpstream, UPSTREAM_CLIENT_KEY_FILE: 'a' }, 'UPSTREAM_CLIENT_CERT_FILE'],
    [{ UPSTREAM_CA_FILE: 'a' }, 'UPSTREAM_CA_FILE'],
    [{ UPSTREAM_CLIENT_CERT_FILE: 'a', UPSTREAM_CLIENT_KEY_FILE: 'b' }, 'UPSTREAM_CLIENT_CERT_FILE'],
    [{ PROXY_BASE_URL: 'http://localhost:8080', TLS_CERT_FILE: 'a', TLS_KEY_FILE: 'b' }, 'PROXY_BASE_URL'],
    [{ UPSTREAM_CONNECT_TIMEOUT: '0' }, 'UPSTREAM_CONNECT_TIMEOUT'],
    [{ UPSTREAM_IDLE_TIMEOUT: '2h' }, 'UPSTREAM_IDLE_TIMEOUT'],
  ])('stop the start where they do not belong together: %o', (changes, variable) => {
    expect(problemsOf(changes).map((problem) => problem.variable)).toEqual([variable]);
  });
});
