import { describe, expect, it } from 'vitest';

import { readConfigFile } from './config-file.ts';
import { joinEnvironment } from './settings-section.ts';

function textsOf(yaml: string) {
  const { settingTexts, problems } = readConfigFile('g.yaml', yaml);
  return { texts: settingTexts, problems: problems.map(({ variable, problem }) => `${variable} ${problem}`) };
}

describe('settings of the file', () => {
  it('are the texts that variables would have', () => {
    const yaml = [
      'settings:',
      '  OIDC_CLIENT_ID: 0123',
      '  REFRESH_RACE_GRACE_SEC: 30',
      '  PROD_MODE: false',
      '  ALLOWED_GROUPS: [staff, 0042]',
      '  OIDC_SCOPES: [openid, email]',
      '  UPSTREAM_HEADER_TIMEOUT: "90s"',
    ];
    expect(textsOf(yaml.join('\n'))).toEqual({
      texts: {
        OIDC_CLIENT_ID: '0123',
        REFRESH_RACE_GRACE_SEC: '30',
        PROD_MODE: 'false',
        ALLOWED_GROUPS: 'staff,0042',
        OIDC_SCOPES: 'openid email',
        UPSTREAM_HEADER_TIMEOUT: '90s',
      },
      problems: [],
    });
  });

  it.each([
    ['LOG_LEVEL: [info, debug]', 'settings.LOG_LEVEL is not of a kind that is accepted here'],
    ['LOG_LEVEL:', 'settings.LOG_LEVEL is not of a kind that is accepted here'],
    ['LOG_LEVEL: { a: b }', 'settings.LOG_LEVEL is not of a kind that is accepted here'],
    ['ALLOWED_GROUPS: ["staff,admins"]', 'settings.ALLOWED_GROUPS[0] has a comma in it, or is empty'],
    ['ALLOWED_GROUPS: [staff, ""]', 'settings.ALLOWED_GROUPS[1] has a comma in it, or is empty'],
    ['OIDC_SCOPES: ["openid email"]', 'settings.OIDC_SCOPES[0] has a blank in it, or is empty'],
    ['TOKEN_SIGNING_SECRET: canary', 'settings.TOKEN_SIGNING_SECRET is no key that is known here'],
    ['GATEHOUSE_CONFIG: other.yaml', 'settings.GATEHOUSE_CONFIG is no key that is known here'],
    ['ALOWED_GROUPS: staff', 'settings.ALOWED_GROUPS is no key that is known here'],
    ['constructor: staff', 'settings.constructor is no key that is known here'],
  ])('%s is refused', (line, problem) => {
    expect(textsOf(`settings:\n  ${line}\n`).problems).toEqual([problem]);
  });
});

describe('joinEnvironment', () => {
  it('lets the environment win, in whatever form it says it', () => {
    const texts = { OIDC_CLIENT_SECRET_FILE: '/file', LOG_LEVEL: 'debug', ALLOWED_GROUPS: 'a' };
    expect(joinEnvironment({ OIDC_CLIENT_SECRET: 's', LOG_LEVEL: 'warn', PATH: '/bin' }, texts)).toEqual({
      OIDC_CLIENT_SECRET: 's',
      LOG_LEVEL: 'warn',
      ALLOWED_GROUPS: 'a',
      PATH: '/bin',
    });
    expect(joinEnvironment({ OIDC_CLIENT_SECRET_FILE: '/env' }, texts)).toMatchObject({
      OIDC_CLIENT_SECRET_FILE: '/env',
    });
  });

  it('takes an empty variable for none, but for one of which that is a value', () => {
    const texts = { LOG_LEVEL: 'debug', REDIS_KEY_PREFIX: 'p:' };
    expect(joinEnvironment({ LOG_LEVEL: '', REDIS_KEY_PREFIX: '' }, texts)).toEqual({
      LOG_LEVEL: 'debug',
      REDIS_KEY_PREFIX: '',
    });
  });
});
