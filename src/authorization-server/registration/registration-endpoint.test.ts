import { OAuthClientInformationFullSchema } from '@modelcontextprotocol/sdk/shared/auth.js';
import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { systemRandom } from '../../platform/random.ts';
import { createSealer } from '../../platform/sealing/sealer.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { matchRedirectUri } from '../../protocol/redirect-uri.ts';
import type { GatehouseEvent } from '../../services/audit/events.ts';
import { browserGrantTypes } from '../../services/clients/client.ts';
import { createClients } from '../../services/clients/clients.ts';
import { createRegistrationEndpoint } from './registration-endpoint.ts';
import { registrationFixtures } from '../../../test/support/registrations.ts';

const context = { requestId: 'request-1', clientAddress: '192.0.2.1' };

function setUp(options: { ttlSeconds?: number } = {}) {
  const events: GatehouseEvent[] = [];
  let seals = 0;
  const sealer = createSealer({
    secrets: ['a secret of at least thirty-two bytes'],
    context: 'https://gatehouse.test',
    random: systemRandom,
    onSeal: () => {
      seals += 1;
    },
  });
  const clock = new FakeClock();
  const rules = { privateUseSchemes: ['cursor'] };
  const clients = createClients({ sealer, clock, registrationTtlSeconds: options.ttlSeconds, ...rules });
  const endpoint = createRegistrationEndpoint({
    issuer: 'https://gatehouse.test',
    clients,
    sealer,
    emit: (event) => events.push(event),
    grantTypes: browserGrantTypes,
    ...rules,
  });
  const register = (body: unknown): Promise<Response> =>
    endpoint(
      new Request('https://gatehouse.test/register', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      }),
      context,
    );
  const refusalOf = async (body: unknown): Promise<OAuthError> => {
    const refusal: unknown = await register(body).catch((error: unknown) => error);
    if (!(refusal instanceof OAuthError)) throw new Error('not refused');
    expect(events).toEqual([]);
    expect(seals).toBe(0);
    return refusal;
  };
  return { clients, clock, events, register, refusalOf };
}

const uri = 'https://client.example/callback';

async function answerOf(response: Response): Promise<Record<string, unknown>> {
  expect(response.status).toBe(201);
  return (await response.json()) as Record<string, unknown>;
}

describe('registration endpoint (RFC 7591)', () => {
  it('answers 201 with everything that was registered, uncacheable', async () => {
    const { clock, events, register } = setUp();
    const response = await register({ redirect_uris: [uri], client_name: '  A Client ' });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('pragma')).toBe('no-cache');
    const answer = await answerOf(response);
    expect(answer).toEqual({
      client_id: expect.stringMatching(/^mgh_cl_/),
      client_id_issued_at: clock.nowSeconds(),
      client_id_expires_at: 0,
      client_name: 'A Client',
      redirect_uris: [uri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      registration_client_uri: expect.stringMatching(
        /^https:\/\/gatehouse\.test\/registration\?client_id=mgh_cl_/,
      ),
      registration_access_token: expect.stringMatching(/^mgh_ra_/),
    });
    expect(events).toEqual([
      { type: 'client_registered', client: expect.stringMatching(/^.{16}$/), clientName: 'A Client' },
    ]);
  });

  it('says when a registration will expire', async () => {
    const { clock, register } = setUp({ ttlSeconds: 60 });
    const answer = await answerOf(await register({ redirect_uris: [uri] }));
    expect(answer['client_id_expires_at']).toBe(clock.nowSeconds() + 60);
  });

  it('leaves out what the client did not send: no null, no empty text', async () => {
    const { register } = setUp();
    const empty = { client_name: '', scope: '', token_endpoint_auth_method: '', application_type: null };
    for (const body of [{}, empty, { client_name: '   ', grant_types: null, response_types: null }]) {
      const answer = await answerOf(await register({ redirect_uris: [uri], ...body }));
      expect(Object.keys(answer)).not.toContain('client_name');
      expect(Object.keys(answer)).not.toContain('application_type');
      expect(Object.values(answer)).not.toContain(null);
      expect(Object.values(answer)).not.toContain('');
    }
  });

  it.each(registrationFixtures)('registers $client', async ({ body, redirects }) => {
    const { clients, register } = setUp();
    const answer = await answerOf(await register(body));
    expect(answer['redirect_uris']).toEqual(body['redirect_uris']);
    expect(answer['redirect_uris_refused']).toBeUndefined();
    expect(answer['token_endpoint_auth_method']).toBe('none');
    expect(answer['application_type']).toBe(body['application_type']);
    expect(OAuthClientInformationFullSchema.safeParse(answer).success).toBe(true);
    const client = await clients.find(answer['client_id'] as string);
    for (const redirect of redirects) expect(matchRedirectUri(redirect, client.redirectUris)).toBe(redirect);
  });
});

describe('redirect_uris of a registration', () => {
  it('leaves out a scheme that is not enabled, and says so', async () => {
    const { clients, register } = setUp();
    const answer = await answerOf(await register({ redirect_uris: ['windsurf://auth', uri, 'zed://auth'] }));
    expect(answer['redirect_uris']).toEqual([uri]);
    expect(answer['redirect_uris_refused']).toEqual([
      { redirect_uri: 'windsurf://auth', error_description: expect.stringContaining('windsurf') },
      { redirect_uri: 'zed://auth', error_description: expect.stringContaining('zed') },
    ]);
    expect((await clients.find(answer['client_id'] as string)).redirectUris).toEqual([uri]);
  });

  it('registers a repeated URI once', async () => {
    const answer = await answerOf(await setUp().register({ redirect_uris: [uri, uri] }));
    expect(answer['redirect_uris']).toEqual([uri]);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'redirect_uris must be'],
    ['null', null, 'redirect_uris must be'],
    ['no entry', [], 'redirect_uris must be'],
    ['a string', uri, 'redirect_uris must be'],
    ['six entries', Array.from({ length: 6 }, (_, at) => `${uri}${at}`), 'more than 5'],
    ['an entry that is no string', [uri, 1], 'redirect_uris[1]'],
    ['an empty entry', [uri, ''], 'redirect_uris[1]'],
    ['a bad entry behind good ones', [uri, `${uri}2`, 'http://evil.example/'], 'redirect_uris[2]'],
    ['a dangerous scheme', [uri, 'javascript:alert(1)'], 'redirect_uris[1]'],
    ['a fragment', [`${uri}#`], 'redirect_uris[0]'],
    ['only schemes that are not enabled', ['windsurf://auth'], 'windsurf'],
    [
      'more than fits into a client id',
      Array.from({ length: 5 }, (_, at) => `${uri}${at}${'x'.repeat(450)}`),
      'fewer',
    ],
  ])('refuses %s', async (_, redirectUris, expected) => {
    const refusal = await setUp().refusalOf({ redirect_uris: redirectUris });
    expect([refusal.code, refusal.reason, refusal.status]).toEqual([
      'invalid_redirect_uri',
      'redirect_uri_invalid',
      400,
    ]);
    expect(refusal.description).toContain(expected);
  });

  it.each([
    'http://localhost/callback',
    'http://127.0.0.1:1234/',
    'cursor://x/callback',
    'windsurf://x/callback',
  ])('refuses %s to a client of application_type web', async (redirect) => {
    const refusal = await setUp().refusalOf({ redirect_uris: [uri, redirect], application_type: 'web' });
    expect([refusal.code, refusal.reason]).toEqual(['invalid_redirect_uri', 'redirect_uri_invalid']);
    expect(refusal.description).toContain('redirect_uris[1]');
  });

  it.each(['web', 'native'])('allows https to a client of application_type %s', async (applicationType) => {
    const answer = await answerOf(
      await setUp().register({ redirect_uris: [uri], application_type: applicationType }),
    );
    expect(answer['application_type']).toBe(applicationType);
  });
});

describe('metadata of a registration', () => {
  it.each(['none', 'client_secret_basic', 'client_secret_post'])(
    'answers none, without a secret, to a client that asks for %s',
    async (method) => {
      const answer = await answerOf(
        await setUp().register({ redirect_uris: [uri], token_endpoint_auth_method: method }),
      );
      expect(answer['token_endpoint_auth_method']).toBe('none');
      expect(answer['client_secret']).toBeUndefined();
    },
  );

  it('drops grant types and response types that it does not know', async () => {
    const answer = await answerOf(
      await setUp().register({
        redirect_uris: [uri],
        grant_types: ['implicit', 'authorization_code', 'urn:x'],
        response_types: ['token', 'code'],
        application_type: 'toaster',
      }),
    );
    expect(answer['grant_types']).toEqual(['authorization_code', 'refresh_token']);
    expect(answer['response_types']).toEqual(['code']);
    expect(answer['application_type']).toBeUndefined();
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['keys', { token_endpoint_auth_method: 'private_key_jwt' }, 'client_metadata_invalid'],
    ['an unknown method', { token_endpoint_auth_method: 'NONE' }, 'client_metadata_invalid'],
    ['a method that is no string', { token_endpoint_auth_method: ['none'] }, 'client_metadata_invalid'],
    ['grants without the code', { grant_types: ['client_credentials'] }, 'client_metadata_invalid'],
    ['no grant at all', { grant_types: [] }, 'client_metadata_invalid'],
    ['grants that are no list', { grant_types: 'authorization_code' }, 'client_metadata_invalid'],
    ['grants that are no strings', { grant_types: ['authorization_code', 1] }, 'client_metadata_invalid'],
    ['responses without the code', { response_types: ['token'] }, 'client_metadata_invalid'],
    ['a type that is no string', { application_type: 1 }, 'client_metadata_invalid'],
    ['both kinds of keys', { jwks: { keys: [] }, jwks_uri: uri }, 'client_metadata_invalid'],
    ['a name that is no string', { client_name: { en: 'x' } }, 'client_metadata_invalid'],
    ['a name that is too long', { client_name: 'x'.repeat(513) }, 'client_name_invalid'],
    ['a name written backwards', { client_name: 'evil\u202Elive' }, 'client_name_invalid'],
  ])('refuses %s', async (_, metadata, reason) => {
    const refusal = await setUp().refusalOf({ redirect_uris: [uri], ...metadata });
    expect([refusal.code, refusal.reason, refusal.status]).toEqual(['invalid_client_metadata', reason, 400]);
  });

  it('neither grants nor repeats what a client has no say in', async () => {
    const { clients, register } = setUp();
    const answer = await answerOf(
      await register({
        redirect_uris: [uri],
        client_id: 'chosen',
        client_secret: 'chosen',
        scope: 'admin',
        first_party: true,
        skip_consent: true,
        software_statement: 'e30.e30.x',
        logo_uri: 'https://client.example/logo.svg',
      }),
    );
    expect(Object.keys(answer).sort()).toEqual([
      'client_id',
      'client_id_expires_at',
      'client_id_issued_at',
      'grant_types',
      'redirect_uris',
      'registration_access_token',
      'registration_client_uri',
      'response_types',
      'token_endpoint_auth_method',
    ]);
    expect(answer['client_id']).not.toBe('chosen');
    expect(await clients.find(answer['client_id'] as string)).toMatchObject({
      authentication: { method: 'none' },
      grantTypes: ['authorization_code', 'refresh_token'],
    });
    expect(Object.keys(await clients.find(answer['client_id'] as string)).sort()).toEqual([
      'authentication',
      'clientId',
      'expiresAt',
      'fingerprint',
      'grantTypes',
      'issuedAt',
      'name',
      'redirectUris',
    ]);
  });
});
