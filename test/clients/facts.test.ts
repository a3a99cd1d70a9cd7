import { describe, expect, it } from 'vitest';

import { readFacts, readStepUp } from './facts.ts';
import type { TappedRequest } from './tap.ts';

const resource = 'http://127.0.0.1:20000/mcp';

function request(
  method: string,
  path: string,
  status: number,
  more: { readonly headers?: Record<string, string>; readonly form?: Record<string, string> } = {},
): TappedRequest {
  const body = new URLSearchParams(more.form).toString();
  return { method, url: new URL(path, resource), headers: more.headers ?? {}, body, status };
}

function call(status: number, revision?: string): TappedRequest {
  return request(
    'POST',
    '/mcp',
    status,
    revision === undefined ? {} : { headers: { 'mcp-protocol-version': revision } },
  );
}

const authorize = request(
  'GET',
  `/authorize?${new URLSearchParams({
    client_id: 'mgh_cl_example',
    redirect_uri: 'http://127.0.0.1:45123/callback',
    code_challenge_method: 'S256',
    state: 'x',
    resource,
  }).toString()}`,
  200,
);
const redeem = request('POST', '/token', 200, { form: { grant_type: 'authorization_code', resource } });
const refresh = request('POST', '/token', 200, { form: { grant_type: 'refresh_token' } });
const signIn = [call(401), authorize, redeem, call(200, '2025-11-25')];

describe('the facts about a client', () => {
  it('are read from what it sent', () => {
    expect(readFacts([...signIn, refresh, call(200, '2025-11-25')], signIn.length)).toEqual({
      revision: '2025-11-25',
      registration: 'dynamic',
      redirectUri: 'http://127.0.0.1:PORT/callback',
      codeChallengeMethod: 'S256',
      sendsState: true,
      resource: ['authorize', 'token'],
      scope: null,
      refresh: 'before a call',
    });
  });

  it('tell a client that is known by its document by its id', () => {
    const url = new URL(authorize.url);
    url.searchParams.set('client_id', 'https://client.example/oauth/client.json');
    expect(readFacts([{ ...authorize, url }], 1).registration).toBe('metadata document');
  });

  it('tell a refresh that a 401 led to from one that the client thought of', () => {
    expect(readFacts([...signIn, call(401), refresh, call(200)], signIn.length).refresh).toBe('after a 401');
  });

  it('do not take what was refused for a refresh', () => {
    const refused = { ...refresh, status: 400 };
    expect(readFacts([...signIn, call(401), refused], signIn.length).refresh).toBe('never');
  });

  it('are none of a client that sent nobody to sign in', () => {
    expect(() => readFacts([call(401)], 1)).toThrow('authorization endpoint');
  });
});

describe('what a client does when a call needs more scope', () => {
  const asked = request('GET', '/authorize?scope=use+more', 200);

  it('is to give up where nobody was asked', () => {
    expect(readStepUp([call(403)], false)).toEqual({ outcome: 'gives up' });
  });

  it('is to ask the person, and to go on', () => {
    expect(readStepUp([call(403), asked, call(200)], true)).toEqual({
      outcome: 'goes on',
      scope: 'more use',
    });
  });

  it('can cost it its session', () => {
    const lost = { outcome: 'loses its session', scope: 'more use' };
    expect(readStepUp([call(403), asked, call(404)], false)).toEqual(lost);
  });

  it('is a failure where the person was asked in vain', () => {
    expect(() => readStepUp([call(403), asked, call(403)], false)).toThrow('did not go on');
  });
});
