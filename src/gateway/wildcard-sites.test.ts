import { describe, expect, it } from 'vitest';

import type { RequestContext } from '../platform/http/handler.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import type { Caller, CallerListener } from '../resource-server/proxy/caller.ts';
import type { MountConfig } from './config/config.ts';
import type { SitedMount } from './site.ts';
import { createWildcardSites, type SitedFamily } from './wildcard-sites.ts';

const opened: string[] = [];

function family(path: string, labels: 'any' | readonly string[]): SitedFamily {
  const publicOrigin = 'https://*.mcp.test';
  const open = (label: string): never => {
    opened.push(`${label} ${path}`);
    throw new Error('nobody answers here');
  };
  return {
    config: { publicOrigin, labels } as MountConfig,
    publicOrigin,
    path,
    serves: (label) => labels === 'any' || labels.includes(label),
    open,
    metadataOf: (label) => () => Promise.resolve(new Response(`metadata of ${label} ${path}`)),
  };
}

const own: SitedMount = {
  publicOrigin: 'https://own.mcp.test',
  path: '/mcp',
  metadata: () => Promise.reject(new Error('nobody asks')),
  handle: () => ({}) as CallerListener,
};

const sites = createWildcardSites(
  [family('/mcp', ['a', 'b']), family('/wiki', ['a']), own],
  'https://login.mcp.test',
);
const context: RequestContext = { requestId: 'a', clientAddress: '' };

describe('sites of a wildcard', () => {
  it('have the mounts that serve their label', () => {
    const [a, b] = [sites.find('a.mcp.test'), sites.find('b.mcp.test:443')];
    expect([a?.origin, b?.origin]).toEqual(['https://a.mcp.test', 'https://b.mcp.test']);
    expect(a?.findMount('/wiki/x')?.publicOrigin).toBe('https://a.mcp.test');
    expect(b?.findMount('/mcp')?.path).toBe('/mcp');
    expect(b?.findMount('/wiki')).toBeUndefined();
    expect(a?.findMount('/mcp/.well-known/oauth-protected-resource')).toBeUndefined();
  });

  it('have metadata at the root where they have one mount', async () => {
    const at = async (host: string, path: string): Promise<string | undefined> => {
      const route = sites.find(host)?.routes.get(path);
      try {
        return await (await route?.handler(new Request(`https://${host}${path}`), context))?.text();
      } catch (error) {
        return error instanceof OAuthError ? error.code : undefined;
      }
    };
    const root = '/.well-known/oauth-protected-resource';
    expect(await at('b.mcp.test', root)).toBe('metadata of b /mcp');
    expect(await at('a.mcp.test', root)).toBe('not_found');
    expect(await at('a.mcp.test', `${root}/wiki`)).toBe('metadata of a /wiki');
  });

  it('open no mount until it is called', () => {
    expect(opened).toEqual([]);
    expect(() =>
      sites
        .find('a.mcp.test')
        ?.findMount('/mcp')
        ?.handle({} as Caller, context),
    ).toThrow();
    expect(opened).toEqual(['a /mcp']);
  });

  it.each(['c.mcp.test', 'own.mcp.test', 'login.mcp.test', 'A.mcp.test', 'a.mcp.test:8443', 'mcp.test'])(
    'do not have %s',
    (host) => {
      expect(sites.find(host)).toBeUndefined();
      expect(sites.findKnown(host)).toBeUndefined();
    },
  );

  it('are remembered, so many at most', () => {
    const many = createWildcardSites([family('/mcp', 'any')], 'https://login.mcp.test');
    expect(many.findKnown('a.mcp.test')).toBeUndefined();
    expect(many.find('a.mcp.test')).toBe(many.findKnown('a.mcp.test'));
    for (let at = 0; at < 1_000; at += 1) many.find(`made-up-${at}.mcp.test`);
    expect(many.findKnown('a.mcp.test')).toBeUndefined();
    expect(many.findKnown('made-up-0.mcp.test')).toBeDefined();
    expect(many.findKnown('made-up-999.mcp.test')).toBeDefined();
  });
});
