import { describe, expect, it } from 'vitest';

import { describeAsResource } from '../../../test/support/one-resource.ts';
import { createResources } from './resources.ts';

const issuer = 'https://gatehouse.test';
const mcp = describeAsResource('https://gatehouse.test/mcp');
const files = describeAsResource('https://files.test/mcp');

const refusal = expect.objectContaining({
  code: 'invalid_target',
  reason: 'resource_mismatch',
  status: 400,
}) as unknown as Error;

describe('one resource (RFC 8707 §2)', () => {
  const resources = createResources(issuer, { resources: [mcp], fallback: mcp });

  it.each<[readonly string[]]>([
    [[]],
    [['https://gatehouse.test/mcp']],
    [['https://gatehouse.test/mcp/']],
    [['https://gatehouse.test']],
    [['https://gatehouse.test/']],
    [['HTTPS://GATEHOUSE.test:443/mcp']],
    [['https://gatehouse.test', 'https://gatehouse.test/mcp', 'https://gatehouse.test/mcp']],
  ])('is what %j resolves to', (requested) => {
    expect(resources.resolve(requested)).toBe(mcp);
  });

  it.each<[readonly string[]]>([
    [['https://other.test/mcp']],
    [['https://gatehouse.test/mcp2']],
    [['https://gatehouse.test/mc']],
    [['https://gatehouse.test/mcp/tools']],
    [['https://gatehouse.test/MCP']],
    [['https://gatehouse.test.evil/mcp']],
    [['https://gatehouse.test@evil.test/mcp']],
    [['http://gatehouse.test/mcp']],
    [['https://gatehouse.test:8443/mcp']],
    [['https://gatehouse.test/mcp?x=1']],
    [['*']],
    [['']],
    [['https://gatehouse.test/mcp', 'https://other.test/mcp']],
  ])('is not meant by %j', (requested) => {
    expect(() => resources.resolve(requested)).toThrow(refusal);
  });
});

describe('several resources', () => {
  const both = { resources: [mcp, files], fallback: files };

  it('are found by name, and the default one by none and by the issuer', () => {
    const resources = createResources(issuer, both);

    expect(resources.resolve(['https://gatehouse.test/mcp'])).toBe(mcp);
    expect(resources.resolve(['https://FILES.test/mcp/'])).toBe(files);
    expect(resources.resolve([])).toBe(files);
    expect(resources.resolve(['https://gatehouse.test/'])).toBe(files);
  });

  it('are not granted together', () => {
    const resources = createResources(issuer, both);

    expect(() => resources.resolve([mcp.identifier, files.identifier])).toThrow(refusal);
  });

  it.each<[readonly string[]]>([
    [[]],
    [['https://gatehouse.test']],
    [['https://gatehouse.test', mcp.identifier]],
  ])('without a default leave %j without a meaning', (requested) => {
    const resources = createResources(issuer, { ...both, fallback: undefined });

    expect(() => resources.resolve(requested)).toThrow(refusal);
  });

  it('may be others from one moment to the next', () => {
    const resources = createResources(issuer, both);
    resources.replace({ resources: [mcp], fallback: mcp });

    expect(resources.all()).toEqual([mcp]);
    expect(resources.find(files.identifier)).toBeUndefined();
    expect(() => resources.resolve([files.identifier])).toThrow(refusal);
    expect(resources.resolve([])).toBe(mcp);
  });
});

describe('resources that are too many to be listed', () => {
  const one = describeAsResource('https://*.test/mcp');
  const asked: string[] = [];
  const resources = createResources(issuer, {
    resources: [mcp],
    fallback: mcp,
    families: {
      all: [one],
      find(identifier) {
        asked.push(identifier);
        return identifier === 'https://a.test/mcp' ? describeAsResource(identifier) : undefined;
      },
    },
  });

  it('are found by whoever knows them, in comparison form', () => {
    expect(resources.resolve(['HTTPS://A.test:443/mcp/']).identifier).toBe('https://a.test/mcp');
    expect(resources.find('https://a.test/mcp')?.identifier).toBe('https://a.test/mcp');
    expect(resources.all()).toEqual([mcp, one]);
    expect(new Set(asked)).toEqual(new Set(['https://a.test/mcp']));
  });

  it('may be named twice, and not together with another', () => {
    expect(resources.resolve(['https://a.test/mcp', 'https://a.test/mcp/']).identifier).toBe(
      'https://a.test/mcp',
    );
    expect(() => resources.resolve(['https://a.test/mcp', mcp.identifier])).toThrow(refusal);
    expect(() => resources.resolve(['https://a.test/mcp', 'https://b.test/mcp'])).toThrow(refusal);
  });

  it('do not have the one that stands for all of them', () => {
    expect(() => resources.resolve([one.identifier])).toThrow(refusal);
  });

  it('are not asked about what is listed', () => {
    asked.length = 0;
    expect(resources.resolve([mcp.identifier])).toBe(mcp);
    expect(asked).toEqual([]);
  });
});
