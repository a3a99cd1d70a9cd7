import {
  createPrivateKeyJwtAuth,
  discoverAuthorizationServerMetadata,
  exchangeAuthorization,
  type FetchLike,
  refreshAuthorization,
} from '@modelcontextprotocol/client';
import { afterEach, describe, expect, it } from 'vitest';

import { systemClock } from '../../src/platform/clock.ts';
import { clientKey, clientSecret, fileWithClients } from '../support/configured-clients.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { obtainCode } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

const redirectUri = 'https://client.example/callback';
let gatehouse: TestGatehouse;

afterEach(() => gatehouse.close());

/** The SDK signs with the time of the machine. */
async function open(clientId: string) {
  const clock = new FakeClock(systemClock.nowMilliseconds());
  gatehouse = await createTestGatehouse({ file: fileWithClients, clock });
  const fetchFn: FetchLike = (url, init) => gatehouse.fetch(String(url), init);
  const metadata = await discoverAuthorizationServerMetadata(gatehouse.publicUrl, { fetchFn });
  const signedIn = await obtainCode(gatehouse, { client: { clientId, redirectUri } });
  const code = {
    authorizationCode: signedIn.code,
    codeVerifier: signedIn.verifier,
    redirectUri,
    iss: gatehouse.publicUrl,
  };
  return { code, common: { fetchFn, ...(metadata === undefined ? {} : { metadata }) } };
}

describe('the official TypeScript SDK', () => {
  it('proves a client with its key, at each exchange', async () => {
    const { code, common } = await open('keyed');
    const addClientAuthentication = createPrivateKeyJwtAuth({
      issuer: 'keyed',
      subject: 'keyed',
      privateKey: clientKey.privateKey.export({ format: 'jwk' }),
      alg: 'ES256',
    });
    const client = { ...common, clientInformation: { client_id: 'keyed' }, addClientAuthentication };
    const tokens = await exchangeAuthorization(gatehouse.publicUrl, { ...client, ...code });
    const refreshToken = tokens.refresh_token ?? '';
    const refreshed = await refreshAuthorization(gatehouse.publicUrl, { ...client, refreshToken });
    expect(refreshed.access_token).not.toBe(tokens.access_token);
  });

  it.each(['basic', 'post'])('proves the client %s with its secret', async (clientId) => {
    const { code, common } = await open(clientId);
    const method = `client_secret_${clientId}`;
    const clientInformation = {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: method,
    };
    const client = { ...common, clientInformation };
    const tokens = await exchangeAuthorization(gatehouse.publicUrl, { ...client, ...code });
    const refreshToken = tokens.refresh_token ?? '';
    expect(await refreshAuthorization(gatehouse.publicUrl, { ...client, refreshToken })).toHaveProperty(
      'access_token',
    );
  });
});
