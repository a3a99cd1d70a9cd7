import { realm } from './realm.ts';

/** What an administrator of the realm does while people are logged in. */
export interface KeycloakAdmin {
  setEnabled(username: string, enabled: boolean): Promise<void>;
  /** Takes a person out of every group. */
  leaveGroups(username: string): Promise<void>;
  /** Ends every session of a person; clients hear of it by back-channel logout. */
  logOut(username: string): Promise<void>;
  /** Signs with a new key from now on. Without overlap the former one is no longer published. */
  rotateKeys(overlap: 'overlap' | 'no overlap'): Promise<void>;
}

interface Component {
  readonly id: string;
  readonly name: string;
  readonly config: Readonly<Record<string, readonly string[]>>;
}

export async function createKeycloakAdmin(
  origin: string,
  credentials: { readonly username: string; readonly password: string },
): Promise<KeycloakAdmin> {
  const call = createCaller(origin, credentials);
  const { id: realmId } = (await call('GET', '')) as { id: string };
  let rotations = 0;

  async function idOf(username: string): Promise<string> {
    const users = (await call('GET', `/users?exact=true&username=${username}`)) as { id: string }[];
    const [user] = users;
    if (user === undefined) throw new Error(`no user ${username}`);
    return user.id;
  }

  async function findSigningKeys(): Promise<Component[]> {
    const components = (await call('GET', '/components?type=org.keycloak.keys.KeyProvider')) as Component[];
    return components.filter(({ name }) => name.startsWith('rsa') && !name.startsWith('rsa-enc'));
  }

  return {
    async setEnabled(username, enabled) {
      await call('PUT', `/users/${await idOf(username)}`, { enabled });
    },
    async leaveGroups(username) {
      const id = await idOf(username);
      for (const group of (await call('GET', `/users/${id}/groups`)) as { id: string }[]) {
        await call('DELETE', `/users/${id}/groups/${group.id}`);
      }
    },
    async logOut(username) {
      await call('POST', `/users/${await idOf(username)}/logout`);
    },
    async rotateKeys(overlap) {
      const former = await findSigningKeys();
      rotations += 1;
      await call('POST', '/components', {
        name: `rsa-rotation-${rotations}`,
        parentId: realmId,
        providerId: 'rsa-generated',
        providerType: 'org.keycloak.keys.KeyProvider',
        config: { priority: [String(1_000 * rotations)], algorithm: ['RS256'], keySize: ['2048'] },
      });
      if (overlap === 'overlap') return;
      for (const { id } of former) await call('DELETE', `/components/${id}`);
    },
  };
}

type Call = (method: string, path: string, body?: object) => Promise<unknown>;

function createCaller(
  origin: string,
  credentials: { readonly username: string; readonly password: string },
): Call {
  async function obtainToken(): Promise<string> {
    const form = new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...credentials });
    const url = `${origin}/realms/master/protocol/openid-connect/token`;
    const response = await fetch(url, { method: 'POST', body: form });
    const tokens = (await response.json()) as { access_token?: string };
    if (tokens.access_token === undefined)
      throw new Error(`no token for the administrator: ${response.status}`);
    return tokens.access_token;
  }

  return async (method, path, body) => {
    const response = await fetch(`${origin}/admin/realms/${realm}${path}`, {
      method,
      // It lasts a minute: one each time is simpler than to know when.
      headers: { authorization: `Bearer ${await obtainToken()}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  };
}
