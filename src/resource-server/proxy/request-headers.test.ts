import { describe, expect, it } from 'vitest';

import { headerValues } from '../../platform/http/raw-headers.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { formatIdentityHeaders } from './identity-headers.ts';
import { createRequestHeaders } from './request-headers.ts';

const grant: GrantTerms = {
  grantId: 'g',
  identityIssuer: 'https://idp.test',
  subject: 'alice',
  email: 'alice@example.com',
  name: undefined,
  groups: ['staff', 'admins'],
  client: 'c' as GrantTerms['client'],
  resource: 'https://gatehouse.test/mcp',
  scope: [],
  grantedAt: 0,
  absoluteEnd: 0,
};

const ours = [
  ['X-Request-Id', 'r-1'],
  ['X-User-Sub', 'alice'],
  ['X-User-Email', 'alice@example.com'],
  ['X-User-Groups', 'staff,admins'],
];

function build(rawHeaders: readonly string[], authorization?: string) {
  return createRequestHeaders()(rawHeaders, {
    host: 'upstream:3000',
    requestId: 'r-1',
    grant,
    authorization,
  });
}

function pairs(rawHeaders: readonly string[], authorization?: string): string[][] {
  const built = build(rawHeaders, authorization);
  if (built.outcome !== 'built') throw new Error('repeated');
  const [host, ...others] = readLines(built.lines);
  // RFC 9112 §3.2: first of all, whatever follows.
  expect(host).toEqual(['Host', 'upstream:3000']);
  return others;
}

function readLines(lines: string): string[][] {
  expect(lines).toMatch(/\r\n$/);
  return lines
    .slice(0, -2)
    .split('\r\n')
    .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
}

describe('headers for the upstream', () => {
  it('are ours alone when the client sent none that pass', () => {
    expect(pairs(['Host', 'evil', 'Cookie', 'a=b', 'Authorization', 'Bearer x', 'X-Anything', 'y'])).toEqual(
      ours,
    );
  });

  it('carry the credential of the configuration', () => {
    expect(pairs(['Authorization', 'Bearer client'], 'Basic ours')).toEqual([
      ...ours,
      ['Authorization', 'Basic ours'],
    ]);
  });

  it.each([
    ['Accept', 'application/json, text/event-stream'],
    ['Content-Type', 'application/json'],
    ['MCP-Protocol-Version', '2026-07-28'],
    ['Mcp-Session-Id', 'abc'],
    ['Mcp-Method', 'tools/call'],
    ['Mcp-Name', '=?base64?w6k=?='],
    ['Mcp-Param-Region', 'eu west'],
    ['Mcp-Param-user_id', '7'],
    ['Last-Event-ID', 's/1'],
    ['traceparent', '00-x-y-01'],
    ['tracestate', 'a=b'],
    ['baggage', 'k=v'],
    ['User-Agent', 'client/1.0 (\xe9)'],
    ['Cache-Control', 'no-store'],
    ['Accept-Language', 'de'],
    ['Content-Encoding', 'gzip'],
  ])('let %s pass unchanged', (name, value) => {
    expect(pairs([name, value])).toEqual([[name.toLowerCase(), value], ...ours]);
  });

  it.each([
    'X_User_Sub',
    'X-User_Sub',
    'x_user_sub',
    'X-User-Sub',
    'X-User-Role',
    'Mcp_Session_Id',
    'MCP_Protocol-Version',
    'Mcp-Session_Id',
    'Content_Type',
    'mcp-',
    'mcp--x',
    'Mcp-Param-',
    'Accept-Encoding',
    'Content-Length',
    'Transfer-Encoding',
    'TE',
    'Trailer',
    'Upgrade',
    'HTTP2-Settings',
    'Expect',
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'Cookie',
    'DPoP',
    'Origin',
    'Referer',
    'If-None-Match',
    'Range',
    'X-HTTP-Method-Override',
    '__proto__',
    'constructor',
  ])('stop %s', (name) => {
    expect(pairs([name, 'x'])).toEqual(ours);
  });

  it('join the lines of a list, and leave out empty ones', () => {
    const raw = ['Accept', '', 'accept', 'a/b', 'ACCEPT', '', 'Accept', 'c/d', 'accept', ''];
    expect(pairs(raw)).toEqual([['accept', 'a/b, c/d'], ...ours]);
  });

  it.each([
    'Content-Type',
    'Mcp-Session-Id',
    'MCP-Protocol-Version',
    'Last-Event-ID',
    'Mcp-Method',
    'Mcp-Param-X',
  ])('refuse two lines of %s, equal or not', (name) => {
    expect(build([name, 'a', name.toUpperCase(), 'a'])).toEqual({ outcome: 'repeated' });
    expect(build([name, 'a', 'Accept', 'x', name, 'b'])).toEqual({ outcome: 'repeated' });
  });

  it('take two spellings of a parameter for one', () => {
    expect(build(['Mcp-Param-user_id', '1', 'Mcp-Param-user-id', '2'])).toEqual({ outcome: 'repeated' });
  });

  it('join lines of a list', () => {
    expect(pairs(['Accept', 'application/json', 'accept', 'text/event-stream'])[0]).toEqual([
      'accept',
      'application/json, text/event-stream',
    ]);
  });

  it('heed Connection for what the client sent, and never for ours', () => {
    const built = pairs(
      [
        'Connection',
        'close, X-User-Sub, Authorization , X-Request-Id',
        'Connection',
        'Host, MCP-Protocol-Version',
        'MCP-Protocol-Version',
        '2026-07-28',
        'Mcp-Session-Id',
        's',
      ],
      'Basic ours',
    );
    expect(built).toEqual([['mcp-session-id', 's'], ...ours, ['Authorization', 'Basic ours']]);
  });
});

describe('identity headers', () => {
  function identity(changes: Partial<GrantTerms>): Record<string, string> {
    return Object.fromEntries(readLines(formatIdentityHeaders({ ...grant, ...changes })));
  }

  it('have no groups header for a person without groups, and an empty one for a missing address', () => {
    expect(identity({ groups: [], email: undefined })).toEqual({ 'X-User-Sub': 'alice', 'X-User-Email': '' });
  });

  it('name a client that acts for itself, and let it pass for no person', () => {
    const acting = { subject: 'alice', email: undefined, groups: [], actor: 'client' } as const;
    expect(identity(acting)).toEqual({ 'X-User-Client': 'alice' });
  });

  it.each([
    ['a\r\nX-User-Groups: admins', 'a%0D%0AX-User-Groups: admins'],
    ['a\nb', 'a%0Ab'],
    ['a\u0000b', 'a%00b'],
    ['J\u00fcrgen', 'J%C3%BCrgen'],
    ['\u{1f600}', '%F0%9F%98%80'],
    ['\ud800', '%EF%BF%BD'],
    ['100%', '100%25'],
    ['%C3%BC', '%25C3%25BC'],
    [' padded ', '%20padded%20'],
    ['auth0|abc 1', 'auth0|abc 1'],
  ])('write %j as %j', (subject, written) => {
    expect(identity({ subject })['X-User-Sub']).toBe(written);
  });

  it('keep one group from being read as two', () => {
    expect(identity({ groups: ['a,admins', ' b ', '\u00e9'] })['X-User-Groups']).toBe(
      'a%2Cadmins,%20b%20,%C3%A9',
    );
  });

  it('leave the spaces inside a group as they are', () => {
    expect(identity({ groups: ['Domain Admins', 'b c d'] })['X-User-Groups']).toBe('Domain Admins,b c d');
  });

  it('give different people different values', () => {
    const subjects = ['\u00fc', '%C3%BC', '%c3%bc', 'u', ' u', 'u ', 'u%20', '%', '%25'];
    const written = subjects.map((subject) => identity({ subject })['X-User-Sub']);
    expect(new Set(written).size).toBe(subjects.length);
    expect(written.map((value) => decodeURIComponent(value as string))).toEqual(subjects);
  });
});

describe('headerValues', () => {
  it('finds every line whatever its spelling', () => {
    expect(headerValues(['Origin', 'a', 'X', 'b', 'ORIGIN', 'c'], 'origin')).toEqual(['a', 'c']);
    expect(headerValues([], 'origin')).toEqual([]);
  });
});
