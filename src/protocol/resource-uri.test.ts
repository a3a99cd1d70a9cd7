import { describe, expect, it } from 'vitest';

import { canonicalResource, resolveResource } from './resource-uri.ts';

describe('canonicalResource (RFC 8707 §2)', () => {
  it.each([
    ['https://gatehouse.test/mcp', 'https://gatehouse.test/mcp'],
    ['https://gatehouse.test', 'https://gatehouse.test'],
    ['https://gatehouse.test/', 'https://gatehouse.test'],
    ['https://gatehouse.test/mcp/', 'https://gatehouse.test/mcp'],
    ['https://gatehouse.test/mcp///', 'https://gatehouse.test/mcp'],
    ['HTTPS://Gatehouse.TEST/mcp', 'https://gatehouse.test/mcp'],
    ['https://gatehouse.test:443/mcp', 'https://gatehouse.test/mcp'],
    ['http://127.0.0.1:80/mcp', 'http://127.0.0.1/mcp'],
    ['https://gatehouse.test:8443/mcp', 'https://gatehouse.test:8443/mcp'],
    ['https://gatehouse.test/MCP', 'https://gatehouse.test/MCP'],
  ])('reads %s as %s', (value, canonical) => {
    expect(canonicalResource(value)).toBe(canonical);
  });

  it.each([
    '',
    ' ',
    'mcp',
    '/mcp',
    '//gatehouse.test/mcp',
    'gatehouse.test/mcp',
    'https:gatehouse.test/mcp',
    'https:/gatehouse.test/mcp',
    'https://',
    'ftp://gatehouse.test/mcp',
    'urn:mcp',
    'javascript:alert(1)',
    'https://gatehouse.test/mcp?x=1',
    'https://gatehouse.test/mcp?',
    'https://gatehouse.test/mcp#x',
    'https://gatehouse.test/mcp#',
    'https://user@gatehouse.test/mcp',
    'https://user:secret@gatehouse.test/mcp',
    String.raw`https://gatehouse.test\mcp`,
    ' https://gatehouse.test/mcp',
    'https://gatehouse.test/mcp\n',
    'https://gate\thouse.test/mcp',
    'https://gatehouse.test/✓',
    'https://gatehouse.test:99999/mcp',
    `https://gatehouse.test/${'x'.repeat(2048)}`,
  ])('has no reading of %j', (value) => {
    expect(canonicalResource(value)).toBeUndefined();
  });
});

describe('resolveResource (RFC 8707 §2)', () => {
  const known = { issuer: 'https://gatehouse.test', resource: 'https://gatehouse.test/mcp' };

  it.each<[readonly string[]]>([
    [[]],
    [['https://gatehouse.test/mcp']],
    [['https://gatehouse.test/mcp/']],
    [['https://gatehouse.test']],
    [['https://gatehouse.test/']],
    [['HTTPS://GATEHOUSE.test:443/mcp']],
    [['https://gatehouse.test', 'https://gatehouse.test/mcp', 'https://gatehouse.test/mcp']],
  ])('resolves %j to the one resource', (requested) => {
    expect(resolveResource(requested, known)).toBe(known.resource);
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
  ])('refuses %j', (requested) => {
    expect(() => resolveResource(requested, known)).toThrow(
      expect.objectContaining({ code: 'invalid_target', reason: 'resource_mismatch', status: 400 }),
    );
  });
});
