import { createHash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createTokenRoom, issuer, type TokenRoom } from '../../../test/support/token-room.ts';
import { type Client, fingerprintClientId } from '../../services/clients/client.ts';
import { openAccessToken } from '../../services/tokens/access-token.ts';
import { clientCredentialsGrant } from './client-credentials-grant.ts';

const secret = 'a secret of the machine';
const machine: Client = {
  clientId: 'machine',
  fingerprint: fingerprintClientId('machine'),
  name: 'Nightly job',
  redirectUris: [],
  preRegistered: true,
  authentication: {
    method: 'client_secret_basic',
    secretHashes: [createHash('sha256').update(secret).digest()],
  },
  grantTypes: ['client_credentials'],
  resources: ['https://gatehouse.test/mcp'],
  scope: ['write'],
  issuedAt: 0,
  expiresAt: undefined,
};
const clients: readonly Client[] = [
  machine,
  { ...machine, clientId: 'person-client', grantTypes: ['authorization_code'] },
  { ...machine, clientId: 'open', authentication: { method: 'none' } },
];
const form = { grant_type: 'client_credentials' };
const basic = (id = 'machine', password = secret): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
});

describe('client credentials grant (OAuth 2.1 §4.2)', () => {
  let room: TokenRoom;

  beforeEach(() => {
    room = createTokenRoom({
      clients,
      grantTypes: [{ name: 'client_credentials', exchange: clientCredentialsGrant }],
      furtherResource: 'https://gatehouse.test/other',
    });
  });
  afterEach(() => room.close());

  it('gives the client a token of its own: no person, no refresh token, no record', async () => {
    const answer = await room.post({ ...form, scope: 'write' }, basic());
    const body = (await answer.json()) as Record<string, unknown>;
    expect(body).toEqual({
      access_token: expect.stringMatching(/^mgh_at_/),
      token_type: 'Bearer',
      expires_in: 3595,
      scope: 'write',
    });
    const token = openAccessToken(room.sealer, String(body['access_token']));
    expect(token?.terms).toMatchObject({
      actor: 'client',
      identityIssuer: issuer,
      subject: 'machine',
      email: undefined,
      groups: [],
      resource: 'https://gatehouse.test/mcp',
    });
    expect((await room.store.list('grant:', { cursor: '', limit: 1 })).records).toEqual([]);
    expect(room.events).toEqual([
      expect.objectContaining({ type: 'tokens_issued', grantType: 'client_credentials', subject: 'machine' }),
    ]);
  });

  it('grants what the operator lets it have, narrower scopes included, and never offline_access', async () => {
    const scopeOf = async (scope?: string): Promise<unknown> => {
      const asked = scope === undefined ? form : { ...form, scope };
      return ((await (await room.post(asked, basic())).json()) as Record<string, unknown>)['scope'];
    };
    expect(await scopeOf()).toBe('read');
    expect(await scopeOf('read write admin offline_access')).toBe('read write');
  });

  it.each([
    [{ scope: 'admin' }, basic(), 'invalid_scope', 'client_scope_refused'],
    [{ scope: 'unheard' }, basic(), 'invalid_scope', 'scope_unknown'],
    [{ resource: 'https://gatehouse.test/other' }, basic(), 'invalid_target', 'client_resource_refused'],
    [{ resource: 'https://elsewhere.test/' }, basic(), 'invalid_target', 'resource_mismatch'],
    [{}, basic('machine', 'wrong'), 'invalid_client', 'client_authentication_failed'],
    [{}, basic('person-client'), 'unauthorized_client', 'grant_type_refused'],
    [{ client_id: 'open' }, {}, 'unauthorized_client', 'grant_type_refused'],
    [{ client_id: 'machine' }, {}, 'invalid_client', 'client_authentication_unsupported'],
    [{ client_id: 'client-a' }, {}, 'unauthorized_client', 'grant_type_refused'],
  ])('refuses %j: %s', async (changes: Record<string, string>, headers, code, reason) => {
    const refusal = await room.refuse({ ...form, ...changes }, headers);
    expect([refusal.code, refusal.reason, room.events]).toEqual([code, reason, []]);
  });
});
