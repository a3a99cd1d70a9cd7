import { describe, expect, it } from 'vitest';

import { load, problemsOf } from '../../../../test/support/configuration.ts';

const changes = { GATEHOUSE_CONFIG: 'gatehouse.yaml', UPSTREAM_MCP_URL: undefined };
const issuer = 'https://login.test/realms/main';
const secret = 'Vq8n2Lx5Tz0Rk7Wc3Hb9Jd1Fs6Gm4Pa-secret';

function filesWith(accepts: unknown, mount: object = {}): Record<string, string> {
  const mounts = [
    { name: 'files', url: '/files/mcp', upstream: 'http://127.0.0.1:3000/mcp', accepts, ...mount },
    { name: 'search', url: '/search/mcp', upstream: 'http://127.0.0.1:3001/mcp' },
  ];
  return {
    'gatehouse.yaml': JSON.stringify({ mounts }),
    '/run/one': `${secret}\n`,
    '/run/short': 'short',
    '/run/weak': 'abcdefgh'.repeat(5),
  };
}

const complaints = (accepts: unknown, mount: object = {}): readonly string[] =>
  problemsOf(changes, filesWith(accepts, mount)).map(({ variable, problem }) => `${variable} ${problem}`);

const common = {
  issuer,
  audiences: ['https://mcp.example.com/files/mcp'],
  clockSkewSeconds: 30,
  claims: {
    subject: 'sub',
    email: 'email',
    groups: 'groups',
    scope: ['scope', 'scp'],
    client: ['client_id', 'azp', 'cid', 'appid'],
  },
  trustUnverifiedEmail: false,
};

describe('accepts', () => {
  it('is our own tokens by default', () => {
    expect(load(changes, filesWith(undefined)).mounts[0].accepts).toBeUndefined();
  });

  it('takes JWTs that are access tokens for the mount, with public keys, unless something else is said', () => {
    const { accepts } = load(changes, filesWith({ jwt: { issuer } })).mounts[0];
    expect(accepts).toEqual({
      ...common,
      audiences: [expect.stringMatching(/\/files\/mcp$/)],
      kind: 'jwt',
      jwksUri: undefined,
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      tokenType: 'at+jwt',
    });
  });

  it('reads what is said', () => {
    const jwt = {
      issuer,
      audience: ['api://files', 'files'],
      jwks_uri: 'https://login.test/keys',
      algorithms: ['ES256'],
      typ: 'any',
      clock_skew: '5s',
      claims: { subject: 'oid', groups: '/realm/roles', scope: 'permissions', client: 'appid' },
    };
    expect(load(changes, filesWith({ jwt })).mounts[0].accepts).toEqual({
      ...common,
      kind: 'jwt',
      audiences: ['api://files', 'files'],
      jwksUri: 'https://login.test/keys',
      algorithms: ['ES256'],
      tokenType: 'any',
      clockSkewSeconds: 5,
      claims: {
        subject: 'oid',
        email: 'email',
        groups: '/realm/roles',
        scope: ['permissions'],
        client: ['appid'],
      },
    });
  });

  it('reads secrets from their files, which are looked at again when they change', () => {
    const hmac = { issuer, audience: 'files', secret_files: ['/run/one'] };
    const { mounts, file } = load(changes, filesWith({ hmac }));
    expect(mounts[0].accepts).toMatchObject({ kind: 'hmac', algorithm: 'HS256', secrets: [secret] });
    expect(file?.secretFiles).toContain('/run/one');
    const introspection = {
      issuer,
      endpoint: 'https://login.test/introspect',
      client_id: 'gatehouse',
      client_secret_file: '/run/one',
    };
    const asked = load(changes, filesWith({ introspection }));
    expect(asked.mounts[0].accepts).toMatchObject({
      kind: 'introspection',
      clientSecret: secret,
      cacheSeconds: 60,
    });
    expect(asked.file?.secretFiles).toContain('/run/one');
  });

  it('goes with no tokens that are bound to a key: those of others are not', () => {
    const problem = 'asks for bound tokens, and the mount accepts tokens of another issuer, which are not';
    const jwt = { issuer };
    expect(complaints({ jwt }, { dpop: 'required' })).toEqual([`mounts[0].dpop ${problem}`]);
    const required = { ...changes, DPOP: 'required' };
    expect(problemsOf(required, filesWith({ jwt })).map((found) => found.problem)).toEqual([problem]);
    const { mounts } = load(required, filesWith({ jwt }, { dpop: 'off' }));
    expect(mounts.map(({ dpop }) => dpop)).toEqual(['off', 'required']);
  });

  const hmac = { issuer, secret_files: ['/run/one'] };
  it.each<[unknown, string]>([
    [{}, 'mounts[0].accepts has not exactly one kind'],
    [{ jwt: { issuer }, hmac }, 'mounts[0].accepts has not exactly one kind'],
    [
      { jwt: { issuer: 'http://login.test' } },
      'mounts[0].accepts.jwt.issuer is http on a host that is not loopback',
    ],
    [
      { jwt: { issuer, algorithms: ['HS256'] } },
      'mounts[0].accepts.jwt.algorithms[0] is none of the values that are known',
    ],
    [
      { jwt: { issuer, algorithms: ['none'] } },
      'mounts[0].accepts.jwt.algorithms[0] is none of the values that are known',
    ],
    [{ jwt: { issuer, algorithms: [] } }, 'mounts[0].accepts.jwt.algorithms is too short'],
    [{ jwt: { issuer, audience: [] } }, 'mounts[0].accepts.jwt.audience is too short'],
    [{ jwt: { issuer, clock_skew: '61s' } }, 'mounts[0].accepts.jwt.clock_skew is out of range'],
    [{ jwt: { issuer, typ: 'JWT' } }, 'mounts[0].accepts.jwt.typ is none of the values that are known'],
    [
      { hmac: { ...hmac, algorithm: 'RS256' } },
      'mounts[0].accepts.hmac.algorithm is none of the values that are known',
    ],
    [
      { hmac: { ...hmac, secret_files: ['/run/short'] } },
      'mounts[0].accepts.hmac.secret_files[0] names a file with a secret that is shorter than 32 bytes',
    ],
    [
      { hmac: { ...hmac, algorithm: 'HS512' } },
      'mounts[0].accepts.hmac.secret_files[0] names a file with a secret that is shorter than 64 bytes',
    ],
    [
      { hmac: { ...hmac, secret_files: ['/run/one', '/run/weak'] } },
      'mounts[0].accepts.hmac.secret_files[1] names a file with a weak secret: it repeats itself',
    ],
    [
      { hmac: { ...hmac, secret_files: ['/run/none'] } },
      'mounts[0].accepts.hmac.secret_files[0] names a file that cannot be read',
    ],
    [
      { hmac: { ...hmac, secret_files: ['/run/one', '/run/one', '/run/one'] } },
      'mounts[0].accepts.hmac.secret_files is too long',
    ],
  ])('refuses %j', (accepts, complaint) => {
    expect(complaints(accepts)).toEqual([complaint]);
  });

  it('is for a mount that nobody means without naming it', () => {
    expect(complaints({ jwt: { issuer } }, { default: true })).toEqual([
      'mounts[0].default is true, and the mount accepts tokens of another issuer',
    ]);
  });

  it('is warned about where it takes addresses that nobody verified', () => {
    const { warnings } = load(changes, filesWith({ jwt: { issuer, trust_unverified_email: true } }));
    expect(warnings.map(({ event }) => event)).toContain('unverified_email_trusted');
    expect(warnings.map(({ event }) => event)).not.toContain('default_mount_unset');
  });

  it('takes no addresses that nobody verified where rules go by them', () => {
    const policy = {
      default: 'deny',
      rules: [{ name: 'us', allow: 'everything', to: { emails: ['a@b.test'] } }],
    };
    const found = complaints({ jwt: { issuer, trust_unverified_email: true } }, { policy });
    expect(found.some((line) => line.includes('nobody verified'))).toBe(true);
  });
});
