import { describe, expect, it } from 'vitest';

import { load } from '../../../test/support/configuration.ts';

const environment = {
  GATEHOUSE_CONFIG: 'gatehouse.yaml',
  UPSTREAM_MCP_URL: undefined,
  OIDC_ISSUER_URL: undefined,
  OIDC_CLIENT_ID: undefined,
  OIDC_CLIENT_SECRET: undefined,
};
const partners = { issuer: 'https://partner.test', group: 'staff' };

function provider(name: string): object {
  return { name, issuer_url: `https://${name}.test`, client_id: 'mcp', client_secret_file: 'secret' };
}

/** Events and texts of the warnings about entry. */
function warningsOf(
  entry: object | undefined,
  mount: object = {},
  trusted: readonly object[] = [],
): readonly string[] {
  const mounts = [{ name: 'files', url: '/files/mcp', upstream: 'http://127.0.0.1:3000/mcp', ...mount }];
  const file = {
    identity_providers: [provider('corp'), provider('partner')],
    mounts,
    entry,
    ...(trusted.length === 0 ? {} : { trusted_issuers: trusted }),
  };
  return load(environment, { 'gatehouse.yaml': JSON.stringify(file), secret: 'a secret' })
    .warnings.filter(({ event }) => event.startsWith('entry_'))
    .map(({ event, message }) => `${event} ${message}`);
}

const shut = /^entry_groups_of_one_provider nobody of partner can enter mount files/;

describe('findEntryWarnings', () => {
  it.each([{ any: ['staff'] }, { all: ['staff'] }, { any: [partners], all: ['staff'] }])(
    'names the provider whose people can never enter: %j',
    (groups) => {
      expect(warningsOf({ groups })).toEqual([expect.stringMatching(shut)]);
      expect(warningsOf(undefined, { entry: { groups } })).toEqual([expect.stringMatching(shut)]);
    },
  );

  it.each([{ any: ['staff', partners] }, { all: [partners] }, { none: ['suspended'] }])(
    'is silent where they can: %j',
    (groups) => {
      expect(warningsOf({ groups })).toEqual([]);
    },
  );

  it('is silent of a mount that is for one provider alone', () => {
    expect(warningsOf({ groups: { any: ['staff'] } }, { identity_providers: ['partner'] })).toEqual([]);
  });

  it('names a trusted issuer whose people can never enter', () => {
    const trusted = { issuer: 'https://enterprise.test', clients: ['https://client.example/c'] };
    const entry = (any: readonly unknown[]): object => ({ groups: { any } });
    const theirs = { issuer: trusted.issuer, group: 'staff' };
    const warnings = (any: readonly unknown[], changes: object = {}): readonly string[] =>
      warningsOf(entry(any), { identity_providers: ['corp'] }, [{ ...trusted, ...changes }]);
    expect(warnings(['staff'])).toEqual([
      expect.stringContaining('nobody of https://enterprise.test can enter'),
    ]);
    expect(warnings(['staff', theirs])).toEqual([]);
    expect(warnings(['staff'], { issuer: 'https://corp.test' })).toEqual([]);
  });

  it('knows the issuer that the environment names', () => {
    const entry = { subjects: { deny: [{ issuer: 'https://login.test/realms/main', subject: 'mallory' }] } };
    const mounts = [{ name: 'files', url: '/files/mcp', upstream: 'http://127.0.0.1:3000/mcp', entry }];
    const { warnings } = load(
      { GATEHOUSE_CONFIG: 'gatehouse.yaml', UPSTREAM_MCP_URL: undefined },
      { 'gatehouse.yaml': JSON.stringify({ mounts }) },
    );
    expect(warnings.map(({ event }) => event)).not.toContain('entry_issuer_unknown');
  });

  it.each([
    ['google', { GOOGLE_DIRECTORY: 'groups', GOOGLE_DIRECTORY_GROUPS: 'staff@example.com' }],
    ['gitlab', { GITLAB_GROUPS: 'inherited' }],
  ])('says that a later denial does not see who is in, where %s is never asked again', (preset, groups) => {
    const domain = preset === 'google' ? { GOOGLE_HOSTED_DOMAIN: 'example.com' } : {};
    const events = (changes: Record<string, string>): readonly string[] =>
      load({ IDP: preset, OIDC_ISSUER_URL: undefined, ...domain, ...changes }).warnings.map(
        ({ event }) => event,
      );
    expect(events({ ...groups, IDENTITY_RECHECK: 'off' })).toContain('entry_groups_unseen');
    expect(events({ ...groups })).not.toContain('entry_groups_unseen');
    expect(events({ IDENTITY_RECHECK: 'off' })).not.toContain('entry_groups_unseen');
  });

  it.each([
    { groups: { none: [{ issuer: 'https://partner.test/', group: 'staff' }] } },
    { subjects: { deny: [{ issuer: 'https://partner.test/', subject: 'mallory' }] } },
  ])('names an issuer that vouches for nobody here: %j', (entry) => {
    expect(warningsOf(entry)).toEqual([
      expect.stringContaining('entry_issuer_unknown entry rules name https://partner.test/,'),
    ]);
  });
});
