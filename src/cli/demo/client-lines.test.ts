import { describe, expect, it } from 'vitest';

import { renderClientLines } from './client-lines.ts';

const url = 'http://127.0.0.1:8123/mcp';
const lines = renderClientLines(url, (text) => text).split('\n');

describe('lines for clients', () => {
  it('has one command for Claude Code', () => {
    expect(lines).toContain(`    claude mcp add --transport http gatehouse-demo ${url}`);
  });

  it('has JSON that parses for VS Code, Cursor and mcp-remote', () => {
    const documents = lines
      .flatMap((line) => /\{.*\}/.exec(line)?.[0] ?? [])
      .map((text) => JSON.parse(text) as unknown);
    expect(documents).toEqual([
      { name: 'gatehouse-demo', type: 'http', url },
      { servers: { 'gatehouse-demo': { type: 'http', url } } },
      { mcpServers: { 'gatehouse-demo': { url } } },
      { mcpServers: { 'gatehouse-demo': { command: 'npx', args: ['-y', 'mcp-remote', url] } } },
    ]);
  });

  it('has a link for Cursor that carries the configuration', () => {
    const link = new URL(lines.find((line) => line.includes('cursor://'))?.trim() ?? '');
    const config = Buffer.from(link.searchParams.get('config') ?? '', 'base64').toString();
    expect(JSON.parse(config)).toEqual({ url });
    expect(link.searchParams.get('name')).toBe('gatehouse-demo');
  });
});
