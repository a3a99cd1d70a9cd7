import { describe, expect, it } from 'vitest';

import { readConfigFile } from './config-file.ts';

const minimal = 'mounts:\n  - name: files\n    url: /files/mcp\n    upstream: http://127.0.0.1:3000/mcp\n';

/** `line:column key problem` of each. */
function complaintsAbout(text: string): string[] {
  return readConfigFile('gatehouse.yaml', text).problems.map(
    ({ place, variable, problem }) => `${place?.line}:${place?.column} ${variable} ${problem}`,
  );
}

describe('readConfigFile', () => {
  it('reads mounts and settings', () => {
    const { sections, settingTexts, problems } = readConfigFile(
      'gatehouse.yaml',
      `settings:\n  PROD_MODE: false\n${minimal}`,
    );
    expect(problems).toEqual([]);
    expect(settingTexts).toEqual({ PROD_MODE: 'false' });
    expect(sections?.mounts).toMatchObject([
      { name: 'files', url: { origin: undefined, path: '/files/mcp' }, upstream: { path: '/mcp' } },
    ]);
  });

  it('names every problem with its place, and no value', () => {
    const text = [
      'mounts:',
      '  - name: files and more',
      '    upstream: ftp://canary',
      '    upstream_authorization: Bearer canary',
      '    title: 7',
      '  - canary',
      'settings:',
      '  TOKEN_SIGNING_SECRET: canary',
      '  Bearer canary: x',
      'mountains: canary',
    ].join('\n');
    expect(complaintsAbout(text)).toEqual([
      '8:3 settings.TOKEN_SIGNING_SECRET is no key that is known here',
      '9:3 settings.… is no key that is known here',
      '2:11 mounts[0].name is no name',
      '2:5 mounts[0].url is missing',
      '3:15 mounts[0].upstream is not an http or https URL',
      '5:12 mounts[0].title is not text',
      '4:5 mounts[0].upstream_authorization is no key that is known here',
      '6:5 mounts[1] is not a map of keys',
      '10:1 mountains is no key that is known here',
    ]);
    expect(JSON.stringify(readConfigFile('gatehouse.yaml', text).problems)).not.toContain('canary');
  });

  it.each([
    ['    upstrem: x', 'mounts[0].upstrem', 'did you mean upstream?'],
    ['    titel: x', 'mounts[0].titel', 'did you mean title?'],
    ['    timeouts: { header: 5s }', 'mounts[0].timeouts.header', 'did you mean headers?'],
    [
      '    policy: { default: deny, rules: [{ name: a, alow: everything, to: [{ group: [a] }] }] }',
      'mounts[0].policy.rules[0].alow',
      'did you mean allow?',
    ],
    ['settings: { OIDC_CLIENTID: x }', 'settings.OIDC_CLIENTID', 'did you mean OIDC_CLIENT_ID?'],
    ['client: []', 'client', 'did you mean clients?'],
    [
      '    weather: x',
      'mounts[0].weather',
      'remove it, or correct its spelling: see docs/configuration-file.md',
    ],
    [
      'clients: [{ client_secret: x }]',
      'clients[0].client_secret',
      'secrets do not stand in this file: write client_secret_sha256 and what gatehouse clients hash-secret prints',
    ],
    [
      '    title: 2024',
      'mounts[0].title',
      'put it in quotes: YAML takes it for a number, or for true or false',
    ],
    [
      '    timeouts: { headers: 90 }',
      'mounts[0].timeouts.headers',
      'write a number with its unit, such as 90s or 5m',
    ],
    [
      'entry: { max_authentication_age: 90, groups: { any: [2024] } }',
      'entry.groups.any[0]',
      'put it in quotes: YAML takes it for a number, or for true or false',
    ],
    [
      '    policy: { default: deny, rules: [{ name: a, allow: everything, to: { email_domains: ["@a.test"] } }] }',
      'mounts[0].policy.rules[0].to.email_domains[0]',
      'write what stands behind the @, in its ASCII form (xn--…), without *: a subdomain is another',
    ],
    [
      'entry: { groups: { any: [{ issuer: x, group: a }] } }',
      'entry.groups.any[0].issuer',
      'write it whole, such as https://login.example.com',
    ],
  ])('says what to do about %s', (line, variable, fix) => {
    const { problems } = readConfigFile('gatehouse.yaml', `${minimal}${line}\n`);
    expect(problems).toContainEqual(expect.objectContaining({ variable, fix }));
  });
});
