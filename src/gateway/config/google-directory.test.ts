import { describe, expect, it } from 'vitest';

import { complaintsOf, load, problemsOf } from '../../../test/support/configuration.ts';

const google = { IDP: 'google', OIDC_ISSUER_URL: undefined, GOOGLE_HOSTED_DOMAIN: 'example.com' };
const directory = { ...google, GOOGLE_DIRECTORY: 'groups' };

describe('GOOGLE_DIRECTORY', () => {
  it('is not asked unless it is said what for', () => {
    expect(load(google).identityProviders[0]?.directory).toBeUndefined();
  });

  it.each(['users', 'groups', 'nested'])('is asked for %s', (reads) => {
    const config = load({ ...google, GOOGLE_DIRECTORY: reads });
    expect(config.identityProviders[0]?.directory).toEqual({
      reads,
      domain: 'example.com',
      admin: undefined,
      serviceAccount: undefined,
      credentialsPath: undefined,
      keeps: undefined,
    });
  });

  it('knows who reads it, and what is kept', () => {
    const config = load({
      ...directory,
      GOOGLE_HOSTED_DOMAIN: 'example.com,example.org',
      GOOGLE_DIRECTORY_ADMIN: 'reader@example.com',
      GOOGLE_DIRECTORY_SERVICE_ACCOUNT: '123456-compute@developer.gserviceaccount.com',
      GOOGLE_WORKLOAD_CREDENTIALS_PATH: '/etc/gatehouse/google.json',
      GOOGLE_DIRECTORY_GROUPS: 'staff@example.com,mcp.users+x@example.com',
    });
    expect(config.identityProviders[0]?.directory).toEqual({
      reads: 'groups',
      domain: 'example.com',
      admin: 'reader@example.com',
      serviceAccount: '123456-compute@developer.gserviceaccount.com',
      credentialsPath: '/etc/gatehouse/google.json',
      keeps: ['staff@example.com', 'mcp.users+x@example.com'],
    });
  });

  it.each([
    ['GOOGLE_DIRECTORY', 'on'],
    ['GOOGLE_DIRECTORY', 'Groups'],
    ['GOOGLE_DIRECTORY_ADMIN', 'reader'],
    ['GOOGLE_DIRECTORY_ADMIN', 'Reader@example.com'],
    ['GOOGLE_DIRECTORY_SERVICE_ACCOUNT', 'gatehouse@my-project.iam.gserviceaccount.com.evil.example'],
    ['GOOGLE_DIRECTORY_SERVICE_ACCOUNT', 'a/../b@my-project.iam.gserviceaccount.com'],
    ['GOOGLE_DIRECTORY_SERVICE_ACCOUNT', 'gatehouse@example.com'],
    ['GOOGLE_DIRECTORY_GROUPS', 'staff'],
    ['GOOGLE_DIRECTORY_GROUPS', 'staff@example.com, mcp@example.com'],
    ['GOOGLE_DIRECTORY_GROUPS', 'Staff@example.com'],
  ])('refuses %s=%s', (variable, value) => {
    expect(complaintsOf({ ...directory, [variable]: value })).toEqual([
      expect.stringMatching(`^${variable} is not`),
    ]);
  });

  it.each([
    'GOOGLE_DIRECTORY_ADMIN',
    'GOOGLE_DIRECTORY_GROUPS',
    'GOOGLE_DIRECTORY_SERVICE_ACCOUNT',
    'GOOGLE_WORKLOAD_CREDENTIALS_PATH',
  ])('is missed when %s is set without it', (variable) => {
    const value = 'gatehouse@my-project.iam.gserviceaccount.com';
    expect(complaintsOf({ ...google, [variable]: value })).toEqual([
      `${variable} is set, and GOOGLE_DIRECTORY is not: it would have no effect`,
    ]);
  });

  it('wants a domain: of other accounts it knows nothing', () => {
    expect(complaintsOf({ ...directory, GOOGLE_HOSTED_DOMAIN: undefined })).toEqual([
      'GOOGLE_HOSTED_DOMAIN is not set, and GOOGLE_DIRECTORY is: of other accounts the directory knows nothing',
    ]);
  });

  it('has no groups to keep when it reads none', () => {
    const changes = { ...google, GOOGLE_DIRECTORY: 'users', GOOGLE_DIRECTORY_GROUPS: 'a@example.com' };
    expect(complaintsOf(changes)).toEqual([
      'GOOGLE_DIRECTORY_GROUPS is set, and GOOGLE_DIRECTORY=users reads no groups',
    ]);
  });

  it('makes ALLOWED_GROUPS possible, by their addresses', () => {
    const allowed = 'staff@example.com,mcp@example.com';
    expect(load({ ...directory, ALLOWED_GROUPS: allowed }).identityProviders[0]?.allowedGroups).toHaveLength(
      2,
    );
    expect(complaintsOf({ ...directory, ALLOWED_GROUPS: 'Staff@example.com' })).toEqual([
      'ALLOWED_GROUPS has an entry that is no group of the directory',
    ]);
  });

  it.each([undefined, 'users'])('is what ALLOWED_GROUPS needs (%s)', (reads) => {
    const changes = { ...google, GOOGLE_DIRECTORY: reads, ALLOWED_GROUPS: 'staff@example.com' };
    expect(problemsOf(changes)).toMatchObject([
      { variable: 'ALLOWED_GROUPS', fix: 'set GOOGLE_DIRECTORY=groups, or unset it' },
    ]);
  });

  it('leaves no room for a claim of groups', () => {
    expect(complaintsOf({ ...directory, GROUPS_CLAIM: 'groups' })).toEqual([
      'GROUPS_CLAIM is set, and groups come from the directory',
    ]);
  });

  it('is of Google alone', () => {
    expect(complaintsOf({ GOOGLE_DIRECTORY: 'groups' })).toEqual([
      'GOOGLE_DIRECTORY is set, and IDP is generic: it would have no effect',
    ]);
  });
});

describe('variables of AWS', () => {
  it('are taken as they are, and nothing else of the environment is', () => {
    const { awsVariables } = load({
      ...directory,
      AWS_REGION: 'eu-west-1',
      AWS_SESSION_TOKEN: '',
      AWS_PROFILE: 'x',
    });
    expect(Object.entries(awsVariables).filter(([, value]) => value !== undefined)).toEqual([
      ['AWS_REGION', 'eu-west-1'],
    ]);
  });
});
