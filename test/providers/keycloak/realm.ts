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
}

/** As `kc.sh start --import-realm` reads it. */
export function describeRealm({ publicUrl }: RealmOptions): object {
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
    clients: [describeClient(publicUrl)],
  };
}

function describeClient(publicUrl: string): object {
  return {
    clientId,
    secret: clientSecret,
    protocol: 'openid-connect',
    publicClient: false,
    standardFlowEnabled: true,
    directAccessGrantsEnabled: false,
    redirectUris: [`${publicUrl}/callback`],
    defaultClientScopes: ['basic', 'email', 'profile'],
    optionalClientScopes: ['offline_access'],
    attributes: {
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
