import { afterEach, describe, expect, it } from 'vitest';

import { type ProxiedPath, startProxiedPath } from '../../../test/support/proxied-path.ts';
import { describeAsResource } from '../../../test/support/one-resource.ts';
import type { ScopeRules } from '../../services/resources/resource.ts';
import { createScopeCheck } from './scope-check.ts';

const scopes: ScopeRules = {
  declared: [
    { name: 'use', description: undefined, includes: [] },
    { name: 'read', description: undefined, includes: [] },
    { name: 'write', description: undefined, includes: ['read', 'use'] },
  ],
  defaults: ['use'],
  required: ['use'],
};

let path: ProxiedPath;
afterEach(() => path.close());

describe('the scope that every call of a mount needs', () => {
  it('is asked for in the scheme of the call, where the token is bound to a key', async () => {
    path = await startProxiedPath({ scopes });
    const resource = { metadataUrl: path.metadataUrl, scopes };
    const grant = { ...path.terms, scope: ['read'], keyThumbprint: 'thumbprint' };
    expect(createScopeCheck(resource).judge(grant)?.headers?.[1]).toMatch(
      /^DPoP error="insufficient_scope", .*scope="use read", .*algs="ES256 /,
    );
  });

  it.each(['POST', 'GET', 'DELETE'])('stops a %s that lacks it, before the upstream', async (method) => {
    path = await startProxiedPath({ scopes });
    const answer = await path.call({ method, bearer: path.issue({ scope: ['read'] }) });

    expect(answer.status).toBe(403);
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", ' +
        'error_description="This call needs more than the person has allowed so far", ' +
        `scope="use read", resource_metadata="${path.metadataUrl}"`,
    );
    expect(JSON.parse(await answer.text())).toMatchObject({ error: 'insufficient_scope' });
    expect(path.upstream.requests).toEqual([]);
    expect(path.events).toMatchObject([
      { type: 'request_refused', reason: 'scope_insufficient', status: 403 },
    ]);
  });

  it('gives the same call the same bytes, and the next token of the grant as well', async () => {
    path = await startProxiedPath({ scopes });
    const token = path.issue({ scope: ['read'] });
    const first = await path.call({ bearer: token });
    const again = await path.call({ bearer: token });
    const next = await path.call({ bearer: path.issue({ scope: ['read'] }) });

    expect(again.headers['www-authenticate']).toBe(first.headers['www-authenticate']);
    expect(next.headers['www-authenticate']).toBe(first.headers['www-authenticate']);
    expect(await again.text()).toBe(await first.text());
  });

  it('lets it pass by itself or within a wider one', async () => {
    path = await startProxiedPath({ scopes });

    expect((await path.call({ bearer: path.issue({ scope: ['use'] }) })).status).toBe(200);
    expect((await path.call({ bearer: path.issue({ scope: ['write'] }) })).status).toBe(200);
  });

  it('is asked of nobody where nothing is required', async () => {
    path = await startProxiedPath({ scopes: { ...scopes, required: [] } });

    expect((await path.call({ bearer: path.issue({ scope: [] }) })).status).toBe(200);
  });

  it('is not told to whoever has no good token', async () => {
    path = await startProxiedPath({ scopes });
    const answer = await path.call({ bearer: 'nonsense' });

    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
  });
});

describe('the scopes that one call needs', () => {
  it('are named all at once, with those that every call needs and those there are', async () => {
    path = await startProxiedPath();
    const check = createScopeCheck({ ...describeAsResource('https://gatehouse.test/mcp'), scopes });
    const grant = { ...path.terms, scope: ['read', 'offline_access'] };

    expect(check.judgeNeeds(grant, ['write'])).toMatchObject({
      status: 403,
      code: 'insufficient_scope',
      headers: ['WWW-Authenticate', expect.stringContaining('scope="use read write"')],
    });
    expect(check.judgeNeeds({ ...grant, scope: ['write'] }, ['read'])).toBeUndefined();
  });
});
