import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { everybody } from '../../../services/entry/entry-rules.ts';
import { ConfigError, loadConfig } from '../load-config.ts';
import { readConfigFile } from './config-file.ts';

const page = readFileSync(join(import.meta.dirname, '../../../../docs/entry.md'), 'utf8');
const documented = /```yaml\n([^]*?)```/.exec(page)?.[1] ?? '';

const env = {
  PROXY_BASE_URL: 'https://gatehouse.test',
  OIDC_ISSUER_URL: 'https://login.test',
  OIDC_CLIENT_ID: 'gatehouse',
  OIDC_CLIENT_SECRET: 'provider-client-secret',
  TOKEN_SIGNING_SECRET: 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret',
  GATEHOUSE_CONFIG: '/gatehouse.yaml',
};

function complaintsAbout(entry: unknown): readonly string[] {
  const { problems } = readConfigFile('gatehouse.yaml', `entry: ${JSON.stringify(entry)}\n`);
  return problems.map(({ variable, problem, place }) => `${place?.line} ${variable} ${problem}`);
}

function complaintsOfAll(file: string, changes: Record<string, string> = {}): readonly string[] {
  try {
    loadConfig({ ...env, ...changes }, () => file);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem }) => `${variable} ${problem}`);
  }
}

const partners = { issuer: 'https://other.test', group: 'partners' };

const mounts = 'mounts: [{ name: a, url: /a, upstream: "http://127.0.0.1:3000/mcp" }]\n';

describe('entry rules in the configuration file', () => {
  it('are read as the page about them has them', () => {
    const config = loadConfig(env, () => documented);
    expect(config.entry).toEqual({
      rules: {
        ...everybody,
        domains: { allow: ['example.com'], deny: [] },
        groups: { any: [], all: [], none: ['suspended'] },
      },
      contact: 'it-help@example.com',
    });
    expect(config.mounts.map(({ entry }) => entry)).toEqual([
      undefined,
      {
        rules: {
          ...everybody,
          groups: { any: ['finance', 'board'], all: ['employees'], none: [] },
          emails: { allow: [], deny: ['intern@example.com'] },
          acr: ['urn:example:gold'],
          amr: ['mfa'],
          maxAuthenticationAgeSeconds: 43_200,
        },
        contact: 'the payroll team, in room 12',
      },
    ]);
  });

  it('have addresses and domains in lower case, and accounts as they are written', () => {
    const entry = {
      emails: { allow: ['Ann@Example.COM'] },
      domains: { deny: ['Evil.Example'] },
      subjects: { allow: ['Ann', { issuer: 'https://other.test', subject: '1' }] },
      groups: { any: ['staff', partners] },
    };
    const { sections, problems } = readConfigFile('f.yaml', `entry: ${JSON.stringify(entry)}\n`);
    expect(problems).toEqual([]);
    expect(sections?.entry?.rules).toEqual({
      ...everybody,
      emails: { allow: ['ann@example.com'], deny: [] },
      domains: { allow: [], deny: ['evil.example'] },
      subjects: {
        allow: [
          { issuer: undefined, subject: 'Ann' },
          { issuer: 'https://other.test', subject: '1' },
        ],
        deny: [],
      },
      groups: { any: ['staff', partners], all: [], none: [] },
    });
  });

  it.each<[unknown, string]>([
    [
      { emails: { allow: ['a@x.test'], deny: ['b@x.test', 'A@x.test'] } },
      '1 entry.emails.deny[1] is allowed as well',
    ],
    [{ subjects: { allow: ['a'], deny: ['a'] } }, '1 entry.subjects.deny[0] is allowed as well'],
    [{ groups: { all: ['a'], none: ['a'] } }, '1 entry.groups.none[0] is asked for as well'],
    [{ groups: { any: [partners], none: [{ ...partners }] } }, '1 entry.groups.none[0] is asked for as well'],
    [{ emails: { deny: ['example.com'] } }, '1 entry.emails.deny[0] is no e-mail address'],
    [{ emails: { allow: ['ann@exаmple.com'] } }, '1 entry.emails.allow[0] is no e-mail address'],
    [{ domains: { allow: ['@example.com'] } }, '1 entry.domains.allow[0] is no domain'],
    [{ domains: { allow: ['*.example.com'] } }, '1 entry.domains.allow[0] is no domain'],
    [{ domains: { allow: ['exаmple.com'] } }, '1 entry.domains.allow[0] is no domain'],
    [{ groups: { any: ['a,b'] } }, '1 entry.groups.any[0] is no name that a group can have here'],
    [{ acr: ['a b'] }, '1 entry.acr[0] is no class of a login'],
    [{ amr: [''] }, '1 entry.amr[0] is no method of a login'],
    [{ max_authentication_age: '5s' }, '1 entry.max_authentication_age is out of range'],
    [{ contact: 'a\u202eb' }, '1 entry.contact has characters that cannot be seen'],
  ])('refuse %j', (entry, complaint) => {
    expect(complaintsAbout(entry)).toEqual([complaint]);
  });

  it.each([
    { groups: { any: [''] } },
    { contact: 'x'.repeat(201) },
    { countries: ['de'] },
    { subjects: { deny: [''] } },
  ])('refuse %j', (entry) => {
    expect(complaintsAbout(entry)).toHaveLength(1);
  });

  it.each([{ any: ['staff'] }, { all: ['staff'] }, { none: ['suspended'] }])(
    'refuse groups of a provider that says none: %j',
    (groups) => {
      const entry = JSON.stringify({ groups });
      const auth0 = { IDP: 'auth0', OIDC_ISSUER_URL: '', AUTH0_DOMAIN: 'example.eu.auth0.com' };
      const complaint =
        'entry names groups, and Auth0 says none by itself: they would let nobody in, and keep nobody out';
      expect(complaintsOfAll(`${mounts}entry: ${entry}\n`, auth0)).toEqual([complaint]);
      const ofOne = mounts.replace(' }]', `, entry: ${entry} }]`);
      expect(complaintsOfAll(ofOne, auth0)).toEqual([`mounts[0].${complaint}`]);
      const claim = { GROUPS_CLAIM: 'https://example.com/groups' };
      expect(complaintsOfAll(`${mounts}entry: ${entry}\n`, { ...auth0, ...claim })).toEqual([]);
      expect(complaintsOfAll(`${mounts}entry: ${entry}\n`)).toEqual([]);
    },
  );

  it('refuse to go by addresses that nobody verified', () => {
    const file = `${mounts}entry: { domains: { deny: [evil.example] } }\n`;
    expect(complaintsOfAll(file, { TRUST_UNVERIFIED_EMAIL: 'true' })).toEqual([
      'entry goes by e-mail addresses, and TRUST_UNVERIFIED_EMAIL takes those that nobody verified',
    ]);
    expect(complaintsOfAll(file)).toEqual([]);
  });
});
