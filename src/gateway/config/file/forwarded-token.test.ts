import { describe, expect, it } from 'vitest';

import { load, problemsOf } from '../../../../test/support/configuration.ts';

const changes = { GATEHOUSE_CONFIG: '/g.yaml', UPSTREAM_MCP_URL: undefined };
const jwt = { issuer: 'https://login.test', audience: 'api://files' };

type Mount = Readonly<Record<string, unknown>>;

const files = (...mounts: readonly Mount[]): Record<string, string> => ({
  '/secret': 'Bearer ours',
  '/g.yaml': JSON.stringify({
    mounts: mounts.map((mount, index) => ({
      name: `m${index}`,
      url: `/m${index}`,
      upstream: `http://127.0.0.1:300${index}/mcp`,
      ...mount,
    })),
  }),
});

const complaints = (...mounts: readonly Mount[]): readonly string[] =>
  problemsOf(changes, files(...mounts)).map(({ variable, problem }) => `${variable} ${problem}`);

const warnings = (...mounts: readonly Mount[]): readonly string[] =>
  load(changes, files(...mounts))
    .warnings.filter(({ event }) => event.startsWith('forwarded_token'))
    .map(({ event, message }) => `${event}: ${message}`);

describe('forward_token', () => {
  it('is off, and on where it is said', () => {
    const { mounts } = load(changes, files({ accepts: { jwt } }, { accepts: { jwt }, forward_token: true }));

    expect(mounts.map(({ forwardsToken }) => forwardsToken ?? false)).toEqual([false, true]);
  });

  it('is refused for tokens of ours', () => {
    expect(complaints({ forward_token: true })).toEqual([
      'mounts[0].forward_token is true, and the mount takes tokens of ours, which are good here alone',
    ]);
    expect(complaints({ forward_token: false })).toEqual([]);
  });

  it('is refused beside a credential of ours for the upstream', () => {
    expect(
      complaints({ accepts: { jwt }, forward_token: true, upstream_authorization_file: '/secret' }),
    ).toEqual(['mounts[0].forward_token is true, and upstream_authorization_file takes its place']);
  });

  it.each([
    ['does not say', undefined, 'is true, and accepts does not say for whom the tokens are'],
    ['says several', ['api://files', 'api://mail'], 'is true, and the tokens may be for several'],
  ])('is refused where accepts %s for whom tokens are', (_, audience, problem) => {
    const accepts = { jwt: { ...jwt, audience } };
    expect(complaints({ accepts, forward_token: true })).toEqual([`mounts[0].forward_token ${problem}`]);
    expect(complaints({ accepts })).toEqual([]);
  });

  it('is told about where tokens travel readable', () => {
    const mount = { accepts: { jwt }, forward_token: true };

    expect(warnings({ ...mount, upstream: 'http://10.0.0.7/mcp' })).toEqual([
      'forwarded_token_cleartext: mount m0 forwards the tokens of its callers over http to another machine: whoever is on the way can use them',
    ]);
    expect(warnings({ ...mount, upstream: 'https://10.0.0.7/mcp' })).toEqual([]);
    expect(warnings(mount)).toEqual([]);
  });

  it('is told about where another upstream takes the same tokens', () => {
    const mount = { accepts: { jwt }, forward_token: true };
    const other = (more: object): Mount => ({ accepts: { jwt: { ...jwt, ...more } } });

    expect(warnings(mount, other({}))).toEqual([
      'forwarded_token_shared: mount m0 forwards tokens that mount m1 takes, too: its upstream can call that one as its callers',
    ]);
    expect(warnings(mount, other({ audience: ['api://mail', 'api://files'] }))).toHaveLength(1);
    expect(warnings(mount, other({ audience: 'api://mail' }))).toEqual([]);
    expect(warnings(mount, other({ issuer: 'https://other.test' }))).toEqual([]);
    expect(warnings(mount, { ...other({}), upstream: 'http://127.0.0.1:3000/more' })).toEqual([]);
  });
});
