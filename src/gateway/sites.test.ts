import { describe, expect, it } from 'vitest';

import type { MountConfig } from './config/config.ts';
import type { SitedMount } from './site.ts';
import { createSites } from './sites.ts';
import type { SitedFamily } from './wildcard-sites.ts';

const nobody = (): never => {
  throw new Error('nobody calls');
};

function mount(publicOrigin: string): SitedMount {
  return { publicOrigin, path: '/mcp', metadata: nobody, handle: nobody };
}

function family(publicOrigin: string): SitedFamily {
  const config = { publicOrigin, labels: 'any' } as MountConfig;
  return { config, publicOrigin, path: '/mcp', serves: () => true, open: nobody, metadataOf: () => nobody };
}

const issuer = 'https://login.mcp.test';

function originOf(
  host: string,
  mounts: readonly (SitedMount | SitedFamily)[],
  allowedHosts: readonly string[] = [],
): string | undefined {
  const isHostAcceptable = (): boolean => true;
  const sites = createSites(mounts, undefined, {
    issuer,
    endpoints: undefined,
    isHostAcceptable,
    allowedHosts,
  });
  return sites.find([host])?.origin;
}

describe('sites where every host is the issuer’s that is nobody else’s', () => {
  const mounts = [family('https://*.mcp.test'), mount('https://own.mcp.test'), mount('https://files.test')];

  it.each([
    ['login.mcp.test', issuer],
    ['LOGIN.mcp.test:443', issuer],
    ['login.mcp.test:8443', issuer],
    ['10.0.0.7:8080', issuer],
    ['mcp.test', issuer],
    ['xmcp.test', issuer],
    ['red.mcp.test', 'https://red.mcp.test'],
    ['RED.mcp.test.:443', 'https://red.mcp.test'],
    ['own.mcp.test', 'https://own.mcp.test'],
    ['files.test', 'https://files.test'],
  ])('have under %s that of %s', (host, origin) => {
    expect(originOf(host, mounts)).toBe(origin);
    expect(originOf(host, mounts.toReversed())).toBe(origin);
  });

  it.each([
    'red.mcp.test:80',
    'red.mcp.test:8443',
    'red.mcp.test:',
    'red.mcp.test..',
    'red.mcp.test..:443',
    'RED_.MCP.test.:1',
    'a.b.mcp.test',
    '.mcp.test',
    'own.mcp.test:8443',
    'files.test:',
    'files.test..',
  ])('have none under %s', (host) => {
    expect(originOf(host, mounts)).toBeUndefined();
  });

  it('have the issuer deep below a wildcard where it is allowed to be', () => {
    expect(originOf('probe.a.mcp.test', mounts)).toBeUndefined();
    expect(originOf('probe.a.mcp.test', mounts, ['probe.a.mcp.test:8080'])).toBe(issuer);
    expect(originOf('red.mcp.test:8443', mounts, ['probe.a.mcp.test'])).toBeUndefined();
    expect(originOf('red.mcp.test:8443', mounts, ['red.mcp.test', 'red.mcp.test:8443'])).toBeUndefined();
  });

  it('have the issuer where a wildcard is all that there is', () => {
    expect(originOf('login.mcp.test', [family('https://*.mcp.test')])).toBe(issuer);
    expect(originOf('red.mcp.test', [family('https://*.mcp.test')])).toBe('https://red.mcp.test');
  });

  it('have none for two hosts of a wildcard', () => {
    const isHostAcceptable = (hosts: readonly string[]): boolean => hosts.length === 1;
    const sites = createSites(mounts, undefined, { issuer, endpoints: undefined, isHostAcceptable });
    expect(sites.find(['red.mcp.test', 'red.mcp.test'])).toBeUndefined();
  });
});
