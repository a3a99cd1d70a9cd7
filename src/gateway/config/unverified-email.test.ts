import { describe, expect, it } from 'vitest';

import { load, problemsOf } from '../../../test/support/configuration.ts';
import { ConfigError } from './load-config.ts';
import { joinConfigs } from './reloadable.ts';

const changes = { GATEHOUSE_CONFIG: 'gatehouse.yaml', UPSTREAM_MCP_URL: undefined };
const byEmail = {
  default: 'deny',
  rules: [{ name: 'r', allow: 'everything', to: { email_domains: ['example.com'] } }],
};
const byGroup = { default: 'deny', rules: [{ name: 'r', allow: 'everything', to: { groups: ['staff'] } }] };

function files(policy: object | undefined, mount: object = {}, others: object = {}): Record<string, string> {
  const only = { name: 'files', url: '/files/mcp', upstream: 'http://127.0.0.1:3000/mcp', policy, ...mount };
  const wiki = { name: 'wiki', url: '/wiki', upstream: 'http://127.0.0.1:3001/mcp' };
  return { 'gatehouse.yaml': JSON.stringify({ mounts: [only, wiki], ...others }) };
}

const trusted = (entry: object = {}): object => ({
  trusted_issuers: [
    { issuer: 'https://other.test', clients: ['agent'], trust_unverified_email: true, ...entry },
  ],
});
const trusting = { ...changes, TRUST_UNVERIFIED_EMAIL: 'true' };

describe('a policy by e-mail address', () => {
  it.each<[string, Record<string, string | undefined>, Record<string, string>]>([
    ['the identity provider', trusting, files(byEmail)],
    ['a trusted issuer', changes, files(byEmail, {}, trusted())],
    ['a trusted issuer of this mount', changes, files(byEmail, {}, trusted({ mounts: ['files'] }))],
  ])('is refused where unverified ones of %s are believed', (_, env, its) => {
    expect(problemsOf(env, its)).toMatchObject([
      { variable: 'mounts[0].policy', problem: expect.stringContaining('that nobody verified') },
    ]);
  });

  it.each<[string, Record<string, string | undefined>, Record<string, string>]>([
    [
      'nobody believes unverified ones',
      changes,
      files(byEmail, {}, trusted({ trust_unverified_email: false })),
    ],
    ['rules go by groups', trusting, files(byGroup, {}, trusted())],
    ['they are believed at another mount', changes, files(byEmail, {}, trusted({ mounts: ['wiki'] }))],
    [
      'the mount takes tokens of another issuer alone',
      changes,
      files(byEmail, { accepts: { jwt: { issuer: 'https://other.test' } } }, trusted({ mounts: ['wiki'] })),
    ],
  ])('is taken where %s', (_, env, its) => {
    expect(problemsOf(env, its)).toEqual([]);
  });

  it('is refused by a reload that would have to be a restart for it', () => {
    const initial = load(trusting, files(byGroup));
    const next = load(changes, files(byEmail));
    expect(() => joinConfigs(initial, next)).toThrow(ConfigError);
    expect(joinConfigs(load(changes, files(byGroup)), next).mounts).toEqual(next.mounts);
  });
});
