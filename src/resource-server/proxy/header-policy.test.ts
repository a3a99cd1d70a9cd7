import { describe, expect, it } from 'vitest';

import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { type HeaderPolicy, mayDrop, mayForward, maySet, standardHeaders } from './header-policy.ts';
import { createRequestHeaders } from './request-headers.ts';
import { buildResponseHead } from './response-headers.ts';

const grant: GrantTerms = {
  grantId: 'g',
  identityIssuer: 'https://idp.test',
  subject: 'alice',
  email: 'alice@example.com',
  name: undefined,
  groups: ['staff'],
  client: 'c' as GrantTerms['client'],
  resource: 'https://gatehouse.test/mcp',
  scope: [],
  grantedAt: 0,
  absoluteEnd: 0,
};

function linesOf(rawHeaders: readonly string[], policy: Partial<HeaderPolicy>): readonly string[] {
  const build = createRequestHeaders({ ...standardHeaders, ...policy });
  const ours = { host: 'upstream:3000', requestId: 'r-1', grant, authorization: 'Basic ours' };
  const built = build(rawHeaders, ours);
  if (built.outcome !== 'built') throw new Error('repeated');
  expect(built.lines.endsWith('\r\n')).toBe(true);
  return built.lines.trimEnd().split('\r\n');
}

describe('header policy of a mount', () => {
  it('lets further request headers pass, once each', () => {
    const policy = { forward: ['x-api-version'] };

    expect(linesOf(['X-Api-Version', '7', 'X-Other', 'a'], policy)).toContain('x-api-version: 7');
    expect(linesOf(['X-Other', 'a'], policy).join()).not.toContain('x-other');
    const build = createRequestHeaders({ ...standardHeaders, ...policy });
    const ours = { host: 'h', requestId: 'r-1', grant, authorization: undefined };
    expect(build(['X-Api-Version', '7', 'x-api-version', '8'], ours)).toEqual({ outcome: 'repeated' });
  });

  it('lets nothing pass that could be taken for ours, whatever it says', () => {
    const names = ['authorization', 'x-user-sub', 'cookie', 'host', 'x-forwarded-for', 'x-request-id'];
    const sent = names.flatMap((name) => [name, 'forged']);

    expect(linesOf(sent, { forward: names }).join()).not.toContain('forged');
  });

  it('says what it is told to in place of the client', () => {
    const lines = linesOf(['X-Team', 'theirs', 'User-Agent', 'theirs'], {
      forward: ['x-team'],
      set: [
        ['x-team', 'ours'],
        ['user-agent', 'gatehouse'],
      ],
    });

    expect(lines).toContain('x-team: ours');
    expect(lines).toContain('user-agent: gatehouse');
    expect(lines.join()).not.toContain('theirs');
  });

  it('never says for itself what the rules of the path say', () => {
    const lines = linesOf([], { set: [['x-user-sub', 'root']] });

    expect(lines).toContain('X-User-Sub: alice');
    expect(lines.join()).not.toContain('root');
  });

  it('keeps from the upstream who calls where it is told to', () => {
    const lines = linesOf(['X-User-Sub', 'forged'], { identity: false });

    expect(lines).toEqual(['Host: upstream:3000', 'X-Request-Id: r-1', 'Authorization: Basic ours']);
  });

  it('keeps response headers back', () => {
    const head = buildResponseHead(
      ['Content-Type', 'application/json', 'ETag', '"x"', 'Expires', '0'],
      new Set(['etag']),
    );

    expect(head?.headers).toEqual(['content-type', 'application/json', 'expires', '0']);
  });

  it.each(['host', 'connection', 'te', 'content-length', 'x-user-sub', 'x_user', 'X-Team', 'a b', ''])(
    'has no say about %j',
    (name) => {
      expect(mayForward(name)).toBe(false);
      expect(maySet(name)).toBe(false);
    },
  );

  it.each(['cookie', 'dpop', 'x-forwarded-for', 'forwarded', 'x-real-ip'])(
    'may set %s but not let it pass',
    (name) => {
      expect(mayForward(name)).toBe(false);
      expect(maySet(name)).toBe(true);
    },
  );

  it('keeps back no header that says how a body is to be read', () => {
    expect(mayDrop('etag')).toBe(true);
    expect(mayDrop('content-type')).toBe(false);
    expect(mayDrop('content-encoding')).toBe(false);
    expect(maySet('content-type')).toBe(false);
    expect(maySet('mcp-session-id')).toBe(false);
  });
});
