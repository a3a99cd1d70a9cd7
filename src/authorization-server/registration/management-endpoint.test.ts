import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { systemRandom } from '../../platform/random.ts';
import { createSealer } from '../../platform/sealing/sealer.ts';
import { StoreError } from '../../platform/store/store.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RedirectUri } from '../../protocol/redirect-uri.ts';
import type { GatehouseEvent } from '../../services/audit/events.ts';
import { browserGrantTypes } from '../../services/clients/client.ts';
import { createClients } from '../../services/clients/clients.ts';
import type { CutOff } from '../../services/tokens/cut-off.ts';
import { createRegistrationManagementEndpoint } from './management-endpoint.ts';
import { sealRegistrationAccessToken } from './registration-access-token.ts';

const issuer = 'https://gatehouse.test';
const uri = 'https://client.example/callback';

function setUp(options: { failing?: 'cut-off' | 'deny'; ttlSeconds?: number } = {}) {
  const clock = new FakeClock();
  const random = systemRandom;
  const sealer = createSealer({
    secrets: ['a secret of at least thirty-two bytes'],
    context: issuer,
    random,
  });
  const rules = { privateUseSchemes: [] };
  const clients = createClients({ sealer, clock, registrationTtlSeconds: options.ttlSeconds, ...rules });
  const events: GatehouseEvent[] = [];
  const done: (CutOff | string)[] = [];
  const record = (what: CutOff | string, isFailing: boolean): Promise<void> => {
    if (isFailing) return Promise.reject(new StoreError('append', undefined));
    done.push(what);
    return Promise.resolve();
  };
  const endpoint = createRegistrationManagementEndpoint({
    issuer,
    clients,
    deniedClients: { deny: (client) => record(client, options.failing === 'deny') },
    revocations: { cutOff: (cutOff) => record(cutOff, options.failing === 'cut-off') },
    sealer,
    clock,
    emit: (event) => events.push(event),
    grantTypes: browserGrantTypes,
    ...rules,
  });
  const client = clients.register({ name: 'A Client', redirectUris: [uri as RedirectUri] });
  const token = sealRegistrationAccessToken(sealer, client);
  const send = (method: string, body?: unknown, authorization = `Bearer ${token}`): Promise<Response> => {
    const url = `${issuer}/registration?client_id=${client.clientId}`;
    const headers = new Headers({ authorization });
    if (body === undefined) return endpoint(new Request(url, { method, headers }), context);
    headers.set('content-type', 'application/json');
    return endpoint(new Request(url, { method, headers, body: JSON.stringify(body) }), context);
  };
  const refusalOf = async (response: Promise<Response>): Promise<OAuthError> => {
    const refusal: unknown = await response.catch((error: unknown) => error);
    if (!(refusal instanceof OAuthError)) throw new Error('not refused');
    expect([done, events]).toEqual([[], []]);
    return refusal;
  };
  return { client, clock, done, events, send, refusalOf };
}

const context = { requestId: 'r-1', clientAddress: '192.0.2.1' };

describe('the client configuration endpoint (RFC 7592)', () => {
  it.each(['', 'Bearer', 'Bearer x', 'Basic eDp5', 'Bearer a b'])(
    'refuses the credential %j as it refuses every other',
    async (authorization) => {
      const { send, refusalOf } = setUp();
      const refusal = await refusalOf(send('DELETE', undefined, authorization));
      expect([refusal.status, refusal.code, refusal.reason]).toEqual([
        401,
        'invalid_token',
        'registration_token_invalid',
      ]);
    },
  );

  it('knows nothing of a registration that is over', async () => {
    const { clock, send, refusalOf } = setUp({ ttlSeconds: 3600 });
    clock.advance(3600);
    expect((await refusalOf(send('GET'))).reason).toBe('registration_token_invalid');
  });

  it('takes a PUT that changes nothing, in whatever order', async () => {
    const { client, send } = setUp();
    const body = { redirect_uris: [uri], client_name: 'A Client', client_id: client.clientId, contacts: [] };
    expect((await send('PUT', body)).status).toBe(200);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another name', { client_name: 'Another' }, 'invalid_client_metadata'],
    ['no name', { client_name: '' }, 'invalid_client_metadata'],
    ['another redirect URI', { redirect_uris: [`${uri}2`] }, 'invalid_client_metadata'],
    ['one redirect URI more', { redirect_uris: [uri, `${uri}2`] }, 'invalid_client_metadata'],
    ['another client id', { client_id: 'mgh_cl_other' }, 'invalid_client_metadata'],
    ['no redirect URI', { redirect_uris: [] }, 'invalid_redirect_uri'],
  ])('refuses a PUT with %s: the id holds the registration', async (_, changes, code) => {
    const { client, send, refusalOf } = setUp();
    const body = { client_id: client.clientId, client_name: 'A Client', redirect_uris: [uri], ...changes };
    const refusal = await refusalOf(send('PUT', body));
    expect([refusal.status, refusal.code]).toEqual([400, code]);
  });

  it('cuts grants off before it denies the client, so that a DELETE that broke off can come again', async () => {
    const { client, clock, done, events, send } = setUp();
    expect((await send('DELETE')).status).toBe(204);
    expect(done).toEqual([
      { kind: 'client', key: client.fingerprint, before: clock.nowSeconds() + 5 },
      client.fingerprint,
    ]);
    expect(events).toEqual([{ type: 'client_deleted', client: client.fingerprint.slice(0, 16) }]);
  });

  it.each(['cut-off', 'deny'] as const)('says that the store failed at the %s', async (failing) => {
    const { events, send } = setUp({ failing });
    await expect(send('DELETE')).rejects.toThrow(StoreError);
    expect(events).toEqual([]);
  });

  it('has room for deletions again after an hour', async () => {
    const { clock, send } = setUp();
    const statusOf = (): Promise<number> =>
      send('DELETE').then(
        (response) => response.status,
        (error: unknown) => (error instanceof OAuthError ? error.status : 0),
      );
    for (let count = 0; count < 120; count += 1) await statusOf();
    expect(await statusOf()).toBe(429);
    clock.advance(3600);
    expect(await statusOf()).toBe(204);
  });
});
