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
