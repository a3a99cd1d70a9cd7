import { describe, expect, it } from 'vitest';

import { fingerprintClientId } from '../../../services/clients/client.ts';
import type { PolicyRules } from '../../../services/policy/rule.ts';
import { readConfigFile } from './config-file.ts';

const head = [
  'mounts:',
  '  - name: files',
  '    url: /files/mcp',
  '    upstream: http://127.0.0.1:3000/mcp',
  '    scopes:',
  '      files:write: { default: true }',
];

function read(policy: object) {
  return readConfigFile('gatehouse.yaml', [...head, `    policy: ${JSON.stringify(policy)}`].join('\n'));
}

function rulesOf(policy: object): PolicyRules | undefined {
  const { sections, problems } = read(policy);
  expect(problems).toEqual([]);
  return sections?.mounts?.[0]?.policy;
}

function complaintsAbout(policy: object): string[] {
  return read(policy).problems.map(({ variable, problem }) => `${variable} ${problem}`);
}

const starred = 'has *, which stands for nothing but itself here';

describe('the policy of a mount', () => {
  it('is read into rules', () => {
    const policy = {
      default: 'deny',
      rules: [
        {
          name: 'writing',
          allow: { tools: ['write_*'] },
          to: { groups: ['staff'], subjects: ['alice', { issuer: 'https://other.test', subject: 'bob' }] },
          except: [{ clients: ['https://app.test/client.json'] }, { emails: ['x@example.com'] }],
          scopes: ['files:write'],
        },
        { name: 'nothing else', deny: 'everything', to: { email_domains: ['example.com'] } },
      ],
    };
    expect(rulesOf(policy)).toEqual({
      otherwise: 'deny',
      rules: [
        {
          name: 'writing',
          effect: 'allow',
          what: { tools: ['write_*'] },
          to: [
            {
              groups: ['staff'],
              subjects: [
                { issuer: undefined, subject: 'alice' },
                { issuer: 'https://other.test', subject: 'bob' },
              ],
            },
          ],
          except: [
            {
              clients: ['https://app.test/client.json', fingerprintClientId('https://app.test/client.json')],
            },
            { emails: ['x@example.com'] },
          ],
          scopes: ['files:write'],
        },
        {
          name: 'nothing else',
          effect: 'deny',
          what: 'everything',
          to: [{ emailDomains: ['example.com'] }],
          except: [],
          scopes: [],
        },
      ],
    });
  });

  const rule = (changes: object): object => ({
    default: 'deny',
    rules: [{ name: 'r', allow: 'everything', ...changes }],
  });

  it.each<[object, string]>([
    [{ rules: [] }, 'default is missing'],
    [{ default: 'maybe' }, 'default is none of the values that are known'],
    [rule({ alow: 'everything' }), 'rules[0].alow is no key that is known here'],
    [rule({ deny: 'everything' }), 'rules[0] has not one of allow and deny'],
    [rule({ allow: undefined }), 'rules[0] has not one of allow and deny'],
    [
      rule({ allow: undefined, deny: 'everything', scopes: ['files:write'] }),
      'rules[0].scopes belongs to an allowance',
    ],
    [rule({ allow: {} }), 'rules[0].allow names nothing'],
    [rule({ allow: { toolz: ['x'] } }), 'rules[0].allow.toolz is no key that is known here'],
    [rule({ allow: { tools: [] } }), 'rules[0].allow.tools is too short'],
    [rule({ allow: 'all' }), 'rules[0].allow is not of a kind that is accepted here'],
    [rule({ to: {} }), 'rules[0].to names nobody'],
    [rule({ to: { group: ['x'] } }), 'rules[0].to.group is no key that is known here'],
    [rule({ to: { groups: [] } }), 'rules[0].to.groups is too short'],
    [rule({ to: [{ email_domains: ['@x'] }] }), 'rules[0].to[0].email_domains[0] is no domain'],
    [rule({ to: { groups: ['staff', 'contractors-*'] } }), `rules[0].to.groups[1] ${starred}`],
    [rule({ except: { emails: ['*@example.com'] } }), `rules[0].except.emails[0] ${starred}`],
    [rule({ to: { clients: ['https://*.test/'] } }), `rules[0].to.clients[0] ${starred}`],
    [rule({ to: { subjects: ['*'] } }), `rules[0].to.subjects[0] ${starred}`],
    [rule({ to: { emails: ['bob'] } }), 'rules[0].to.emails[0] is no e-mail address'],
    [rule({ allow: { tools: ['delete '] } }), 'rules[0].allow.tools[0] is no name that a call can have'],
    [rule({ allow: { resources: ['a\nb'] } }), 'rules[0].allow.resources[0] is no name that a call can have'],
    [rule({ scopes: ['other'] }), 'rules[0].scopes[0] is no scope of this mount'],
    [rule({ name: '' }), 'rules[0].name is too short'],
    [
      {
        default: 'deny',
        rules: [
          { name: 'r', allow: 'everything' },
          { name: 'r', deny: 'everything' },
        ],
      },
      'rules[1] has the name of another rule',
    ],
    [
      { default: 'allow', rules: [{ name: 'r', allow: 'everything' }] },
      'rules[0] allows what is allowed by default',
    ],
  ])('%j is refused', (policy, complaint) => {
    expect(complaintsAbout(policy)).toEqual([`mounts[0].policy.${complaint}`]);
  });
});
