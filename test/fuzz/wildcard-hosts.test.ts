import { isIP } from 'node:net';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseMountUpstream } from '../../src/gateway/config/file/mount-url.ts';
import { loadConfig } from '../../src/gateway/config/load-config.ts';
import { ValueProblem } from '../../src/gateway/config/setting.ts';
import { describeResources, memberOf } from '../../src/gateway/mount-resources.ts';
import { createSites } from '../../src/gateway/sites.ts';
import type { SitedFamily } from '../../src/gateway/wildcard-sites.ts';
import { isHostLabel } from '../../src/protocol/host-label.ts';
import { createResources } from '../../src/services/resources/resources.ts';
import { soundEnvironment } from '../support/configuration.ts';

const { UPSTREAM_MCP_URL: _, ...environment } = soundEnvironment;
const issuer = 'https://login.mcp.test';

function configure(upstream: string) {
  const mounts = [
    { name: 'tenants', url: 'https://*.mcp.test/mcp', upstream },
    { name: 'own', url: 'https://own.mcp.test/notes', upstream: 'http://127.0.0.1:9/mcp' },
  ];
  const env = { ...environment, PROXY_BASE_URL: issuer, GATEHOUSE_CONFIG: 'g.yaml' };
  return loadConfig(env, () => JSON.stringify({ mounts }));
}

const labelText = fc.oneof(
  fc.string({ unit: fc.constantFrom(...Array.from('abxn019-')), minLength: 1, maxLength: 8 }),
  fc.constantFrom('0x7f', '127', 'localhost', 'x'.repeat(63), 'a--b', 'n--a', 'own', 'login'),
);
const label = labelText.filter(isHostLabel);

describe('a label in the URL of an upstream', () => {
  const words = ['a', '7', 'xn', 'xn--', '-', '--', '80', '%2e', '0x7f'];
  const marks = Array.from('.:/@_[]*');
  const piece = fc.constantFrom(...words, ...marks, '..', '//');
  const pieces = fc.array(piece, { maxLength: 4 }).map((all) => all.join(''));
  const template = fc
    .tuple(
      pieces,
      pieces,
      fc.constantFrom('', '.internal', '.7', ':80'),
      fc.constantFrom('/mcp', '/a/{label}', '/'),
    )
    .map(([before, after, domain, path]) => `http://${before}{label}${after}${domain}${path}`);

  it('is a label there, whatever the URL and the label', () => {
    let accepted = 0;
    fc.assert(
      fc.property(template, label, (text, value) => {
        let parsed: ReturnType<typeof parseMountUpstream>;
        try {
          parsed = parseMountUpstream(text);
        } catch (error) {
          if (!(error instanceof ValueProblem)) throw error;
          return;
        }
        accepted += 1;
        const [family] = configure(text).mounts;
        const { origin, path } = memberOf(family, value).upstream;
        const url = new URL(origin + path);
        const like = new URL(`${parsed.origin}${parsed.path}`.replace('{label}', 'like'));
        expect([url.origin, url.pathname]).toEqual([origin, path]);
        expect([url.port, url.username, url.password, url.search, url.hash]).toEqual([
          like.port,
          '',
          '',
          '',
          '',
        ]);
        expect(url.hostname.split('.').length).toBe(like.hostname.split('.').length);
        expect(url.hostname.split('.').at(-1)).toBe(like.hostname.split('.').at(-1));
        expect(url.pathname.split('/').length).toBe(like.pathname.split('/').length);
        expect(isIP(url.hostname)).toBe(isIP(like.hostname));
        expect(`${origin}${path}`).not.toContain('{');
      }),
      { numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});

describe('a host below a wildcard', () => {
  const { mounts } = configure('http://127.0.0.1:9/{label}');
  const [family] = mounts;
  const nobody = (): never => {
    throw new Error('nobody calls');
  };
  const sited: SitedFamily = {
    config: family,
    publicOrigin: family.publicOrigin,
    path: family.path,
    serves: () => true,
    open: nobody,
    metadataOf: () => nobody,
  };
  const own = { publicOrigin: 'https://own.mcp.test', path: '/notes', metadata: nobody, handle: nobody };
  const isHostAcceptable = (): boolean => true;
  const sites = createSites([sited, own], undefined, { issuer, endpoints: undefined, isHostAcceptable });
  const resources = createResources(issuer, describeResources({ mounts, publicUrl: issuer }));

  const host = fc
    .tuple(
      fc.oneof(labelText, fc.constantFrom('', '*', 'a.b', 'RED', '%61', 'ü', 'xn--a', 'a_b', '.', 'red.')),
      fc.constantFrom(
        '.mcp.test',
        '.MCP.Test',
        '.mcp.test.',
        '.mcp.test..',
        'mcp.test',
        '.test',
        '.mcp.test.evil',
      ),
      fc.constantFrom('', ':443', ':80', ':', ':0443', ':8443'),
    )
    .map((parts) => parts.join(''));

  it('is served as the resource that is found by its name, or is nobody', () => {
    let served = 0;
    fc.assert(
      fc.property(host, (text) => {
        const site = sites.find([text]);
        const resource = resources.find(`https://${text}/mcp`);
        if (site?.findMount('/mcp') !== undefined) {
          served += 1;
          expect(resources.find(`${site.origin}/mcp`)?.identifier).toBe(`${site.origin}/mcp`);
          expect(isHostLabel(new URL(site.origin).hostname.split('.')[0] ?? '')).toBe(true);
        }
        if (resource !== undefined) {
          const { host: named, origin } = new URL(resource.identifier);
          expect(sites.find([named])?.origin).toBe(origin);
          expect(resource.family).toBe('https://*.mcp.test/mcp');
        }
        // Nobody but the issuer is shown the issuer's pages below the wildcard.
        const name = text.toLowerCase().replace(/:\d*$/, '').replace(/\.+$/, '');
        if (name.endsWith('.mcp.test') && name !== 'login.mcp.test') expect(site?.origin).not.toBe(issuer);
      }),
      { numRuns: 20_000 },
    );
    expect(served).toBeGreaterThan(100);
  });
});
