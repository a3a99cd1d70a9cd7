/** The realm that is imported: what docs/identity-providers/keycloak.md tells an operator to click. */
export const realm = 'main';
export const clientId = 'gatehouse';
export const clientSecret = 'kC7-client-secret-of-the-realm';
export const password = 'correct horse battery staple';

export const people = ['alice', 'bob', 'carol', 'dave', 'erin'] as const;
export type Person = (typeof people)[number];

export interface RealmOptions {
  /** Of the gatehouse: the only redirect URI is its callback. */
  readonly publicUrl: string;
  /** Clients that know better than a secret. Default: none. */
  readonly certified?: CertifiedClients;
}

export interface CertifiedClients {
  /** Of the key by which `gatehouse-key-certificate` is known; PEM. */
  readonly keyCertificate: string;
  /** By which `gatehouse-key` is known. */
  readonly keys: { readonly keys: readonly object[] };
  /** Of the certificate by which `gatehouse-certificate` is known: `CN=gatehouse`. */
  readonly subject: string;
  /** Whose tokens `gatehouse-federated` is known by. */
  readonly platform: { readonly issuer: string; readonly keysUrl: string; readonly subject: string };
}

/** What the realm calls that platform. */
const platformAlias = 'platform';

/** As `kc.sh start --import-realm` reads it. */
export function describeRealm({ publicUrl, certified }: RealmOptions): object {
  return {
    realm,
    enabled: true,
    sslRequired: 'none',
    groups: [{ name: 'engineering', subGroups: [{ name: 'mcp' }] }, { name: 'sales' }],
    users: people.map((name) => ({
      username: name,
      enabled: true,
      email: `${name}@example.com`,
      emailVerified: true,
      firstName: name,
      lastName: 'Example',
      groups: name === 'dave' ? ['/sales'] : ['/engineering/mcp'],
      realmRoles: ['default-roles-main'],
      credentials: [{ type: 'password', value: password, temporary: false }],
    })),
    clients: [
      describeClient(publicUrl, { clientId, secret: clientSecret }),
      ...(certified === undefined ? [] : describeCertified(publicUrl, certified)),
    ],
    identityProviders: certified === undefined ? [] : [describePlatform(certified.platform)],
  };
}

/** As "Supports client assertions" of an identity provider writes it. People do not log in there. */
function describePlatform({ issuer, keysUrl }: CertifiedClients['platform']): object {
  return {
    alias: platformAlias,
    providerId: 'oidc',
    enabled: true,
    hideOnLogin: true,
    config: {
      issuer,
      authorizationUrl: `${issuer}/authorize`,
      tokenUrl: `${issuer}/token`,
      clientId: 'unused',
      clientSecret: 'unused',
      jwksUrl: keysUrl,
      useJwksUrl: 'true',
      validateSignature: 'true',
      supportsClientAssertions: 'true',
      // The file has the same token until it is renewed.
      supportsClientAssertionReuse: 'true',
    },
  };
}

/** As the tab Credentials of a client writes them. */
function describeCertified(publicUrl: string, own: CertifiedClients): object[] {
  const { keyCertificate, keys, subject, platform } = own;
  const jwt = { clientAuthenticatorType: 'client-jwt' };
  return [
    describeClient(publicUrl, {
      clientId: 'gatehouse-key',
      ...jwt,
      attributes: { 'use.jwks.string': 'true', 'jwks.string': JSON.stringify(keys) },
    }),
    describeClient(publicUrl, {
      clientId: 'gatehouse-key-certificate',
      ...jwt,
      attributes: { 'jwt.credential.certificate': keyCertificate.replaceAll(/-----[A-Z ]+-----|\s/g, '') },
    }),
    describeClient(publicUrl, {
      clientId: 'gatehouse-certificate',
      clientAuthenticatorType: 'client-x509',
      attributes: { 'x509.subjectdn': subject, 'x509.allow.regex.pattern.comparison': 'false' },
    }),
    describeClient(publicUrl, {
      clientId: 'gatehouse-federated',
      clientAuthenticatorType: 'federated-jwt',
      attributes: { 'jwt.credential.issuer': platformAlias, 'jwt.credential.sub': platform.subject },
    }),
  ];
}

interface OwnClient {
  readonly clientId: string;
  readonly secret?: string;
  readonly clientAuthenticatorType?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

function describeClient(publicUrl: string, own: OwnClient): object {
  return {
    ...own,
    protocol: 'openid-connect',
    publicClient: false,
    standardFlowEnabled: true,
    directAccessGrantsEnabled: false,
    redirectUris: [`${publicUrl}/callback`],
    defaultClientScopes: ['basic', 'email', 'profile'],
    optionalClientScopes: ['offline_access'],
    attributes: {
      ...own.attributes,
      'pkce.code.challenge.method': 'S256',
      'backchannel.logout.url': `${publicUrl}/backchannel-logout`,
      'backchannel.logout.session.required': 'true',
    },
    protocolMappers: [
      {
        name: 'groups',
        protocol: 'openid-connect',
        protocolMapper: 'oidc-group-membership-mapper',
        config: { 'claim.name': 'groups', 'full.path': 'true', 'id.token.claim': 'true' },
      },
    ],
  };
}
