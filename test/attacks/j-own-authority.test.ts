import { describe, expect, it } from 'vitest';

import { load, problemsOf } from '../support/configuration.ts';

const own = 'https://gatehouse.test';
const elsewhere = 'https://login.test/realms/main';
const secret = 'Vq8n2Lx5Tz0Rk7Wc3Hb9Jd1Fs6Gm4Pa-secret';
const changes = { GATEHOUSE_CONFIG: '/g.yaml', UPSTREAM_MCP_URL: undefined };

/** A mount with tokens of ours, and one that takes what another authority says, and passes it on. */
function filesWith(accepts: unknown): Record<string, string> {
  const upstream = 'http://127.0.0.1:3000/mcp';
  const mounts = [
    { name: 'own', url: '/own', upstream, default: true },
    { name: 'x', url: '/x', upstream, forward_token: true, accepts },
  ];
  return { '/g.yaml': JSON.stringify({ mounts }), '/secret': secret };
}

const complaints = (accepts: unknown): readonly string[] =>
  problemsOf(changes, filesWith(accepts)).map(({ variable, problem }) => `${variable} ${problem}`);

const asked = { audience: `${own}/own`, client_id: 'rs', client_secret_file: '/secret' };

describe('J. tokens of ours at a mount that asks another authority about tokens', () => {
  it.each([own, `${own}/`, 'https://GATEHOUSE.test', 'https://gatehouse.test:443'])(
    '313: cannot be brought there by naming this server as the issuer, as %s',
    (issuer) => {
      const audience = asked.audience;
      for (const accepts of [
        { jwt: { issuer, audience } },
        { jwt: { issuer, audience, jwks_uri: 'https://login.test/keys' } },
        { hmac: { issuer, audience, secret_files: ['/secret'] } },
        { introspection: { ...asked, issuer, endpoint: 'https://login.test/introspect' } },
      ]) {
        expect(complaints(accepts)).toEqual([
          'mounts[1].accepts has PROXY_BASE_URL for its issuer, which is this server',
        ]);
      }
    },
  );

  it.each(['/introspect', '/introspect/', '/%69ntrospect', '//introspect', '/x', ''])(
    '313: nor by asking this server about them, at %j',
    (path) => {
      const introspection = { ...asked, issuer: elsewhere, endpoint: own + path };
      expect(complaints({ introspection })).toEqual([
        'mounts[1].accepts has its endpoint at PROXY_BASE_URL, which is this server',
      ]);
    },
  );

  it('313: and another server of the same kind, or of the same host, is another one', () => {
    for (const issuer of [
      'https://gatehouse.other.test',
      'https://gatehouse.test:8443',
      `${own}/realms/main`,
    ]) {
      const { mounts } = load(changes, filesWith({ jwt: { issuer, audience: 'api://x' } }));
      expect(mounts[1]?.accepts?.issuer).toBe(issuer);
    }
    const endpoint = 'https://gatehouse.other.test/introspect';
    const introspection = { ...asked, issuer: 'https://gatehouse.other.test', endpoint };
    expect(complaints({ introspection })).toEqual([]);
  });
});
