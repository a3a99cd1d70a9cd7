import { describe, expect, it } from 'vitest';

import { canonicalResource } from './resource-uri.ts';

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
