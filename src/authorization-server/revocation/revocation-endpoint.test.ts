import { describe, expect, it } from 'vitest';

import { createTokenRoom, exchange, codeForm, issuer } from '../../../test/support/token-room.ts';
import { StoreError } from '../../platform/store/store.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { createClientAuthentication } from '../../services/clients/client-authentication.ts';
import type { Client, FindClient } from '../../services/clients/client.ts';
import { fingerprintClientId } from '../../services/clients/client.ts';
import { createRevocationEndpoint } from './revocation-endpoint.ts';

const findClient: FindClient = (clientId = '') =>
  Promise.resolve({
    fingerprint: fingerprintClientId(clientId),
    authentication: { method: 'none' },
  } as Client);

function setUp() {
  const room = createTokenRoom();
  const revoked: string[] = [];
  let failure: Error | undefined;
  const endpoint = createRevocationEndpoint({
    authenticateClient: createClientAuthentication({ findClient }),
    sealer: room.sealer,
    clock: room.clock,
    grants: {
      revoke: (terms, cause) => {
        if (failure !== undefined) return Promise.reject(failure);
        revoked.push(`${terms.subject} ${cause}`);
        return Promise.resolve();
      },
    },
    emit: (event) => room.events.push(event),
  });
  const revoke = (form: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> =>
    endpoint(
      new Request(`${issuer}/revoke`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(form).toString(),
      }),
      { requestId: 'r-1', clientAddress: '192.0.2.1' },
    );
  const refusalOf = async (response: Promise<Response>): Promise<OAuthError> => {
    const refusal: unknown = await response.catch((error: unknown) => error);
    if (!(refusal instanceof OAuthError)) throw new Error('not refused');
    expect(revoked).toEqual([]);
    return refusal;
  };
  const signIn = async () => exchange(room, codeForm(await room.issueCode()));
  return { room, revoked, revoke, refusalOf, signIn, failWith: (error: Error) => (failure = error) };
}

describe('the revocation endpoint (RFC 7009)', () => {
  it('ends the grant of the client’s own token, and says so once', async () => {
    const { room, revoked, revoke, signIn } = setUp();
    const { refresh_token: token } = await signIn();
    room.events.length = 0;
    expect((await revoke({ token, client_id: 'client-a' })).status).toBe(200);
    expect(revoked).toEqual(['alice client']);
    expect(room.events).toMatchObject([{ type: 'grant_revoked', cause: 'client', subject: 'alice' }]);
    await room.close();
  });

  it('refuses a token of another client', async () => {
    const { room, revoke, refusalOf, signIn } = setUp();
    const { access_token: token } = await signIn();
    const refusal = await refusalOf(revoke({ token, client_id: 'client-b' }));
    expect([refusal.code, refusal.reason]).toEqual(['invalid_grant', 'client_mismatch']);
    await room.close();
  });

  it('has nothing to do for a token that is over', async () => {
    const { room, revoked, revoke, signIn } = setUp();
    const { access_token: token } = await signIn();
    room.clock.advance(3600);
    expect((await revoke({ token, client_id: 'client-b' })).status).toBe(200);
    expect(revoked).toEqual([]);
    await room.close();
  });

  it('refuses a request without a token, and one that authenticates', async () => {
    const { room, revoke, refusalOf } = setUp();
    const missing = await refusalOf(revoke({ client_id: 'client-a' }));
    expect([missing.code, missing.reason]).toEqual(['invalid_request', 'parameter_missing']);
    const header = { authorization: `Basic ${Buffer.from('client-a:b').toString('base64')}` };
    const proud = await refusalOf(revoke({ token: 'x', client_id: 'client-a' }, header));
    expect([proud.code, proud.reason]).toEqual(['invalid_client', 'client_authentication_unsupported']);
    await room.close();
  });

  it('is unavailable when the store cannot record it, and hides no fault of ours', async () => {
    const { room, revoke, refusalOf, signIn, failWith } = setUp();
    const { refresh_token: token } = await signIn();
    room.events.length = 0;
    failWith(new StoreError('append', undefined));
    const refusal = await refusalOf(revoke({ token, client_id: 'client-a' }));
    expect([refusal.code, refusal.reason]).toEqual(['temporarily_unavailable', 'replay_store_unavailable']);
    failWith(new TypeError('ours'));
    await expect(revoke({ token, client_id: 'client-a' })).rejects.toThrow(TypeError);
    expect(room.events).toEqual([]);
    await room.close();
  });
});
