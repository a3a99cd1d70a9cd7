import { describe, expect, it } from 'vitest';

import {
  issuer,
  redirectUri,
  refusalOf,
  resource,
  roomClient,
} from '../../../test/support/authorization-room.ts';
import { describeAsResource, oneResource } from '../../../test/support/one-resource.ts';
import { AuthorizationError, OAuthError } from '../../protocol/oauth-error.ts';
import type { RedirectUri } from '../../protocol/redirect-uri.ts';
import type { ScopeRules } from '../../services/resources/resource.ts';
import { createResources } from '../../services/resources/resources.ts';
import { readAuthorizationRequest } from './authorization-request.ts';

const challenge = 'c'.repeat(43);
const good: Record<string, string> = {
  response_type: 'code',
  client_id: 'client-a',
  redirect_uri: redirectUri,
  code_challenge: challenge,
  code_challenge_method: 'S256',
  state: 'client-state',
};
const client = { ...roomClient, redirectUris: [redirectUri, 'http://127.0.0.1/cb'] as RedirectUri[] };
const unknown = new OAuthError('invalid_client', 'The client is not known', { reason: 'client_id_invalid' });
const deps = {
  resources: oneResource(issuer, resource),
  findClient: (clientId: string | undefined) =>
    clientId === 'client-a' ? Promise.resolve(client) : Promise.reject(unknown),
};

function query(overrides: Record<string, string | undefined> = {}, extra = ''): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...good, ...overrides })) {
    if (value !== undefined) parameters.set(name, value);
  }
  return `${parameters.toString()}${extra}`;
}
const get = (search: string) => readAuthorizationRequest(new Request(`${issuer}/authorize?${search}`), deps);
const post = (body: string, search = '', type = 'application/x-www-form-urlencoded') =>
  readAuthorizationRequest(
    new Request(`${issuer}/authorize${search}`, { method: 'POST', body, headers: { 'content-type': type } }),
    deps,
  );

/** The refusal that the client may not be told of. */
async function pageRefusal(attempt: Promise<unknown>): Promise<OAuthError> {
  const refusal = await refusalOf(attempt);
  expect(refusal).not.toBeInstanceOf(AuthorizationError);
  return refusal;
}

function scopesOf(name: string): ScopeRules {
  return { declared: [{ name, description: undefined, includes: [] }], defaults: [name], required: [] };
}

describe('authorization request (OAuth 2.1 §4.1.1)', () => {
  it('comes out as its terms, from a GET and from a POST', async () => {
    const expected = {
      client,
      terms: {
        client: client.fingerprint,
        redirectUri,
        state: 'client-state',
        codeChallenge: challenge,
        resource,
        scope: [],
        reauthentication: { prompt: undefined, maxAgeSeconds: undefined },
      },
    };

    expect(await get(query())).toEqual(expected);
    expect(await post(query())).toEqual(expected);
  });

  it('takes any port of a registered loopback redirect URI', async () => {
    const { terms } = await get(query({ redirect_uri: 'http://127.0.0.1:49152/cb' }));

    expect(terms.redirectUri).toBe('http://127.0.0.1:49152/cb');
  });

  it('does without a state', async () => {
    expect((await get(query({ state: undefined }))).terms.state).toBeUndefined();
    expect((await get(query({ state: '' }))).terms.state).toBeUndefined();
  });

  it.each(['login_hint=x', 'nonce=n', 'ui_locales=de', 'claims={}', 'foo=bar', 'request_uri=x'])(
    'goes on with %s',
    async (extra) => {
      expect((await get(query({}, `&${extra}`))).terms.redirectUri).toBe(redirectUri);
    },
  );

  it.each([
    [{ prompt: 'login' }, 'login', undefined],
    [{ prompt: 'select_account' }, 'select_account', undefined],
    [{ prompt: 'select_account login consent' }, 'login', undefined],
    [{ prompt: ' login  create ' }, 'login', undefined],
    [{ prompt: 'consent' }, undefined, undefined],
    [{ prompt: 'LOGIN' }, undefined, undefined],
    [{ prompt: 'login,consent' }, undefined, undefined],
    [{ prompt: '' }, undefined, undefined],
    [{ max_age: '0' }, undefined, 0],
    [{ max_age: '0060' }, undefined, 60],
    [{ max_age: '9999999999' }, undefined, 9_999_999_999],
    [{ max_age: '' }, undefined, undefined],
    [{ prompt: 'login', max_age: '3600' }, 'login', 3600],
  ])('keeps what %o asks of the login', async (overrides, prompt, maxAgeSeconds) => {
    expect((await get(query(overrides))).terms.reauthentication).toEqual({ prompt, maxAgeSeconds });
  });

  it('drops scopes that the resource does not have', async () => {
    expect((await get(query({ scope: 'openid admin' }))).terms.scope).toEqual([]);
  });

  it('keeps the wish for a refresh token, whatever the resource has', async () => {
    expect((await get(query({ scope: 'openid offline_access' }))).terms.scope).toEqual(['offline_access']);
  });

  it('asks for the scopes of the resource that is named, and of no other', async () => {
    const first = { ...describeAsResource(resource), scopes: scopesOf('read') };
    const second = { ...describeAsResource(`${issuer}/other`), scopes: scopesOf('mail') };
    const resources = createResources(issuer, { resources: [first, second], fallback: first });
    const scopeOf = async (parameters: Record<string, string | undefined>): Promise<readonly string[]> => {
      const request = new Request(`${issuer}/authorize?${query(parameters)}`);
      return (await readAuthorizationRequest(request, { ...deps, resources })).terms.scope;
    };

    expect(await scopeOf({ scope: 'read mail' })).toEqual(['read']);
    expect(await scopeOf({ scope: 'read mail', resource: `${issuer}/other` })).toEqual(['mail']);
    expect(await scopeOf({ scope: undefined, resource: `${issuer}/other` })).toEqual(['mail']);
    await expect(scopeOf({ scope: 'mail' })).rejects.toMatchObject({
      name: 'AuthorizationError',
      code: 'invalid_scope',
      reason: 'scope_unknown',
    });
  });

  it.each([resource, `${resource}/`, issuer, `${issuer}/`, 'HTTPS://GATEHOUSE.TEST:443/mcp'])(
    'binds to the one resource when asked for %s',
    async (asked) => {
      expect((await get(query({ resource: asked }))).terms.resource).toBe(resource);
    },
  );

  it('takes several resources when each is ours', async () => {
    const extra = `&resource=${encodeURIComponent(resource)}&resource=${encodeURIComponent(issuer)}`;

    expect((await get(query({}, extra))).terms.resource).toBe(resource);
  });
});

describe('authorization request without a verified redirect URI', () => {
  it.each([
    ['no client', { client_id: undefined }, 'invalid_request', 'client_id_missing'],
    ['an unknown client', { client_id: 'client-b' }, 'invalid_client', 'client_id_invalid'],
    ['no redirect URI', { redirect_uri: undefined }, 'invalid_request', 'redirect_uri_missing'],
    [
      'a foreign one',
      { redirect_uri: 'https://evil.example/' },
      'invalid_request',
      'redirect_uri_not_registered',
    ],
    ['a longer one', { redirect_uri: `${redirectUri}/x` }, 'invalid_request', 'redirect_uri_not_registered'],
    [
      'one with a query',
      { redirect_uri: `${redirectUri}?a=1` },
      'invalid_request',
      'redirect_uri_not_registered',
    ],
    [
      'another case',
      { redirect_uri: 'https://CLIENT.example/callback' },
      'invalid_request',
      'redirect_uri_not_registered',
    ],
  ])('stays on a page: %s', async (_name, overrides, code, reason) => {
    expect(await pageRefusal(get(query(overrides)))).toMatchObject({ code, reason, status: 400 });
  });

  it.each(Object.keys(good))('stays on a page when %s comes twice', async (name) => {
    const twice = query({}, `&${name}=${encodeURIComponent(good[name] ?? '')}`);

    expect(await pageRefusal(get(twice))).toMatchObject({
      code: 'invalid_request',
      reason: 'parameter_repeated',
    });
    expect(await pageRefusal(post(twice))).toMatchObject({ reason: 'parameter_repeated' });
  });

  it.each([
    'scope=a&scope=b',
    'foo=1&foo=2',
    '%63lient_id=client-a',
    'prompt=&prompt=none',
    'prompt=login&prompt=login',
    'max_age=9&max_age=0',
  ])('stays on a page when the query holds %s', async (extra) => {
    expect(await pageRefusal(get(query({}, `&${extra}`)))).toMatchObject({ reason: 'parameter_repeated' });
  });

  it('refuses a POST that is split between query and body', async () => {
    expect(await pageRefusal(post(query(), '?scope=a'))).toMatchObject({ reason: 'query_forbidden' });
  });

  it('refuses a POST that is no form', async () => {
    expect(await pageRefusal(post(query(), '', 'text/plain'))).toMatchObject({
      reason: 'content_type_unsupported',
    });
  });

  it('passes on what is no refusal of the client', async () => {
    const down = { ...deps, findClient: () => Promise.reject(new TypeError('bug')) };

    const attempt = readAuthorizationRequest(new Request(`${issuer}/authorize?${query()}`), down);
    await expect(attempt).rejects.toThrow(TypeError);
  });
});

describe('authorization request with a verified redirect URI', () => {
  it.each([
    [{ response_type: 'token' }, 'unsupported_response_type', 'response_type_unsupported'],
    [{ response_type: 'code token' }, 'unsupported_response_type', 'response_type_unsupported'],
    [{ response_type: 'none' }, 'unsupported_response_type', 'response_type_unsupported'],
    [{ response_type: 'CODE' }, 'unsupported_response_type', 'response_type_unsupported'],
    [{ response_type: undefined }, 'invalid_request', 'parameter_missing'],
    [{ response_mode: 'fragment' }, 'invalid_request', 'response_mode_unsupported'],
    [{ response_mode: 'form_post' }, 'invalid_request', 'response_mode_unsupported'],
    [{ resource: 'https://other.test/mcp' }, 'invalid_target', 'resource_mismatch'],
    [{ resource: `${resource}#x` }, 'invalid_target', 'resource_mismatch'],
    [{ resource: '/mcp' }, 'invalid_target', 'resource_mismatch'],
    [{ code_challenge: undefined }, 'invalid_request', 'pkce_missing'],
    [{ code_challenge_method: 'plain' }, 'invalid_request', 'pkce_malformed'],
    [{ code_challenge_method: undefined }, 'invalid_request', 'pkce_malformed'],
    [{ code_challenge: 'c'.repeat(42) }, 'invalid_request', 'pkce_malformed'],
    [{ scope: 'a"b' }, 'invalid_scope', 'scope_invalid'],
    [{ prompt: 'none' }, 'consent_required', 'prompt_none'],
    [{ prompt: ' none none ' }, 'consent_required', 'prompt_none'],
    [{ prompt: 'login none' }, 'invalid_request', 'parameter_malformed'],
    [{ prompt: 'none unknown' }, 'invalid_request', 'parameter_malformed'],
    [{ max_age: '-1' }, 'invalid_request', 'parameter_malformed'],
    [{ max_age: '1.5' }, 'invalid_request', 'parameter_malformed'],
    [{ max_age: '1e3' }, 'invalid_request', 'parameter_malformed'],
    [{ max_age: ' 1' }, 'invalid_request', 'parameter_malformed'],
    [{ max_age: '1\n' }, 'invalid_request', 'parameter_malformed'],
    [{ max_age: '٣' }, 'invalid_request', 'parameter_malformed'],
    [{ max_age: '12345678901' }, 'invalid_request', 'parameter_malformed'],
  ] as const)('tells the client, with its state: %o', async (overrides, code, reason) => {
    expect(await refusalOf(get(query(overrides)))).toMatchObject({
      name: 'AuthorizationError',
      code,
      reason,
      redirectUri,
      state: 'client-state',
      afterHumanStep: false,
    });
  });

  it.each([
    ['longer than 1024 bytes', 's'.repeat(1025), 'state_too_long'],
    ['8 kB', 's'.repeat(8192), 'state_too_long'],
    ['longer than 1024 bytes in UTF-8', '🙂'.repeat(257), 'state_too_long'],
    ['with a line break', 'a\r\nSet-Cookie: x=y', 'parameter_malformed'],
    ['with a NUL', 'a\0b', 'parameter_malformed'],
    ['with a next-line control', 'a\u0085b', 'parameter_malformed'],
  ])('refuses a state %s, and does not return it', async (_name, state, reason) => {
    expect(await refusalOf(get(query({ state })))).toMatchObject({
      name: 'AuthorizationError',
      code: 'invalid_request',
      reason,
      state: undefined,
    });
  });

  it('refuses a state that is no UTF-8, since it could not be returned as it came', async () => {
    const refusal = await refusalOf(get(query({ state: undefined }, '&state=%ff%fe')));

    expect(refusal).toMatchObject({ reason: 'parameter_malformed', state: undefined });
  });

  it.each(['s'.repeat(1024), '🙂'.repeat(256), '%00 + & = # "', '\u202e'])(
    'keeps the state %o',
    async (state) => {
      expect((await get(query({ state }))).terms.state).toBe(state);
    },
  );
});
