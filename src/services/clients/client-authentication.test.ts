import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { OAuthError } from '../../protocol/oauth-error.ts';
import { parseParameters } from '../../protocol/parameters.ts';
import { createClientAuthentication } from './client-authentication.ts';
import { browserGrantTypes, type Client, type ClientAuthentication, fingerprintClientId } from './client.ts';

const secret = 'p%C3%A4ss:word+1 ü';
const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();

const registered: Readonly<Record<string, ClientAuthentication>> = {
  public: { method: 'none' },
  basic: { method: 'client_secret_basic', secretHashes: [hashOf('the next one'), hashOf(secret)] },
  post: { method: 'client_secret_post', secretHashes: [hashOf(secret)] },
  // A table entry without any secret that counts: nobody is this client.
  locked: { method: 'client_secret_post', secretHashes: [] },
};

const authenticateClient = createClientAuthentication({
  findClient: (clientId) => {
    if (clientId === undefined) {
      return Promise.reject(new OAuthError('invalid_request', 'missing', { reason: 'client_id_missing' }));
    }
    if (clientId === 'away') {
      const reason = 'client_document_unavailable';
      return Promise.reject(new OAuthError('temporarily_unavailable', 'later', { reason }));
    }
    const authentication = registered[clientId];
    if (authentication === undefined) {
      const reason = clientId === 'denied' ? 'client_denied' : 'client_id_invalid';
      return Promise.reject(new OAuthError('invalid_client', 'unknown; register again', { reason }));
    }
    const client: Client = {
      clientId,
      fingerprint: fingerprintClientId(clientId),
      name: undefined,
      redirectUris: [],
      authentication,
      grantTypes: browserGrantTypes,
      issuedAt: 0,
      expiresAt: undefined,
    };
    return Promise.resolve(client);
  },
});

function authenticate(form: Record<string, string>, authorization?: string): Promise<Client> {
  const headers = new Headers(authorization === undefined ? {} : { authorization });
  return authenticateClient({ headers }, parseParameters(new URLSearchParams(form)), 'token');
}

async function refusalOf(form: Record<string, string>, authorization?: string): Promise<OAuthError> {
  const refusal: unknown = await authenticate(form, authorization).catch((error: unknown) => error);
  if (!(refusal instanceof OAuthError)) throw new Error('not refused');
  return refusal;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
const basic = (id: string, password: string): string => `Basic ${base64(`${id}:${password}`)}`;

describe('client authentication (OAuth 2.1 §2.4)', () => {
  it.each([
    ['no credentials', { client_id: 'public' }, undefined],
    ['a secret in the body that it does not have', { client_id: 'public', client_secret: 'x' }, undefined],
    ['a form-encoded secret in the header', {}, basic('basic', formEncode(secret))],
    ['a secret in the header as it is', {}, basic('basic', 'the next one')],
    ['percent signs that stand for themselves', {}, basic('basic', secret)],
    ['the same client_id in the body', { client_id: 'basic' }, basic('basic', formEncode(secret))],
    ['another case of the scheme', {}, basic('basic', formEncode(secret)).replace('Basic', 'bAsIc')],
    ['a secret in the body', { client_id: 'post', client_secret: secret }, undefined],
  ])('takes %s', async (_, form, authorization) => {
    const client = await authenticate({ ...form }, authorization);
    expect(Object.keys(registered)).toContain(client.clientId);
  });

  it('proves each client with each of its secrets, and with that of no other', async () => {
    expect((await authenticate({}, basic('basic', 'the next one'))).clientId).toBe('basic');
    const other = await refusalOf({ client_id: 'post', client_secret: 'the next one' });
    expect(other).toMatchObject({ code: 'invalid_client', reason: 'client_authentication_failed' });
  });

  it.each([
    ['nothing, for the secret of the header', { client_id: 'basic' }, undefined],
    ['nothing, for the secret of the body', { client_id: 'post' }, undefined],
    ['an empty secret', { client_id: 'post', client_secret: '' }, undefined],
    ['a secret in the body, for one of the header', { client_id: 'basic', client_secret: secret }, undefined],
    ['a header, for a secret of the body', {}, basic('post', formEncode(secret))],
    ['a header, for a public client', {}, basic('public', '')],
    ['no colon', {}, `Basic ${base64('basic')}`],
    ['no client', {}, basic('', secret)],
    ['another spelling of the base64', {}, basic('basic', 'the next one ').replace(/=+$/, '')],
    ['blanks in the base64', {}, `Basic ${base64('basic:').replace(/./, '$& ')}`],
    ['text after the base64', {}, `${basic('basic', formEncode(secret))}, Basic x`],
    ['bytes that are no UTF-8', {}, `Basic ${Buffer.from('basic:\xff', 'latin1').toString('base64')}`],
    ['a bearer token', {}, 'Bearer x'],
    ['an empty header', {}, ''],
  ])('refuses %s', async (_, form, authorization) => {
    const refusal = await refusalOf({ ...form }, authorization);
    expect(refusal).toMatchObject({
      code: 'invalid_client',
      status: 401,
      reason: 'client_authentication_unsupported',
    });
    const challenge = authorization === undefined ? undefined : 'Basic realm="token"';
    expect(refusal.headers['www-authenticate']).toBe(challenge);
  });

  it.each([
    ['a wrong secret', {}, basic('basic', 'wrong'), 'client_authentication_failed'],
    ['an empty secret in the header', {}, basic('basic', ''), 'client_authentication_failed'],
    [
      'the hash of the secret',
      {},
      basic('basic', hashOf(secret).toString('hex')),
      'client_authentication_failed',
    ],
    [
      'a client without a secret that counts',
      { client_id: 'locked', client_secret: 'x' },
      undefined,
      'client_authentication_failed',
    ],
    ['an unknown client', {}, basic('nobody', secret), 'client_id_invalid'],
    ['an unknown client', { client_id: 'nobody', client_secret: 'x' }, undefined, 'client_id_invalid'],
    ['a denied client', {}, basic('denied', secret), 'client_denied'],
  ])('tells %s in the words of every other failure', async (_, form, authorization, reason) => {
    const refusal = await refusalOf({ ...form }, authorization);
    expect(refusal).toMatchObject({ code: 'invalid_client', status: 401, reason });
    const usual = await refusalOf({}, basic('basic', 'guess'));
    expect(refusal.description).toBe(usual.description);
  });

  it.each([
    [
      'a header and a secret in the body',
      { client_id: 'basic', client_secret: secret },
      basic('basic', secret),
    ],
    ['two client ids', { client_id: 'public' }, basic('basic', secret)],
    [
      'a secret and an assertion',
      {
        client_id: 'post',
        client_secret: secret,
        client_assertion: 'x',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      },
      undefined,
    ],
  ])('refuses %s, right as each may be', async (_, form, authorization) => {
    const refusal = await refusalOf({ ...form }, authorization);
    expect(refusal).toMatchObject({ code: 'invalid_request', reason: 'client_authentication_ambiguous' });
  });

  it.each([
    { client_id: 'public', client_assertion: 'x' },
    { client_id: 'public', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
    { client_id: 'public', client_assertion: 'x', client_assertion_type: 'saml2-bearer' },
  ])('refuses half an assertion, and one of another type: %o', async (form) => {
    const refusal = await refusalOf(form);
    expect(refusal).toMatchObject({ code: 'invalid_request', reason: 'parameter_malformed' });
  });

  it('tells a request without credentials what became of its client', async () => {
    const missing = await refusalOf({});
    expect([missing.code, missing.reason]).toEqual(['invalid_request', 'client_id_missing']);
    const unknown = await refusalOf({ client_id: 'nobody' });
    expect([unknown.status, unknown.description]).toEqual([401, 'unknown; register again']);
  });

  it('passes on that a client cannot be known now', async () => {
    const refusal = await refusalOf({}, basic('away', secret));
    expect(refusal).toMatchObject({ code: 'temporarily_unavailable', headers: {} });
  });
});
