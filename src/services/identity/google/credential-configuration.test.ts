import { describe, expect, it } from 'vitest';

import { CredentialConfigurationError, parseCredentialConfiguration } from './credential-configuration.ts';

const serviceAccount = 'gatehouse@my-project.iam.gserviceaccount.com';
const common = {
  type: 'external_account',
  universe_domain: 'googleapis.com',
  audience:
    '//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/my-pool/providers/my-provider',
  token_url: 'https://sts.googleapis.com/v1/token',
  service_account_impersonation_url: `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${serviceAccount}:generateAccessToken`,
};
const aws = {
  ...common,
  subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
  credential_source: {
    environment_id: 'aws1',
    region_url: 'http://169.254.169.254/latest/meta-data/placement/availability-zone',
    url: 'http://169.254.169.254/latest/meta-data/iam/security-credentials',
    regional_cred_verification_url:
      'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
    imdsv2_session_token_url: 'http://169.254.169.254/latest/api/token',
  },
};
const file = {
  ...common,
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  credential_source: { file: '/var/run/token', format: { type: 'text' } },
};

/** What is wrong with it; undefined: nothing. */
function problemOf(configuration: unknown): string | undefined {
  const text = typeof configuration === 'string' ? configuration : JSON.stringify(configuration);
  try {
    parseCredentialConfiguration(text);
    return undefined;
  } catch (error) {
    if (error instanceof CredentialConfigurationError) return error.problem;
    throw error;
  }
}

describe('parseCredentialConfiguration', () => {
  it('reads what gcloud writes for AWS', () => {
    expect(parseCredentialConfiguration(JSON.stringify(aws))).toEqual({
      audience: common.audience,
      source: { kind: 'aws' },
      serviceAccount,
    });
  });

  it('reads what gcloud writes for the file of a token', () => {
    expect(parseCredentialConfiguration(JSON.stringify(file))).toEqual({
      audience: common.audience,
      source: {
        kind: 'file',
        path: '/var/run/token',
        tokenType: 'urn:ietf:params:oauth:token-type:jwt',
        field: undefined,
      },
      serviceAccount,
    });
  });

  it('reads one that names no service account, and a file in JSON', () => {
    const format = { type: 'json', subject_token_field_name: 'token' };
    const { source, serviceAccount: account } = parseCredentialConfiguration(
      JSON.stringify({
        ...file,
        service_account_impersonation_url: undefined,
        credential_source: { file: '/t', format },
      }),
    );
    expect([source, account]).toMatchObject([{ field: 'token' }, undefined]);
  });

  it('refuses the key of a service account, and says to delete it', () => {
    const key = { type: 'service_account', private_key: 'CANARY', client_email: serviceAccount };
    expect(problemOf(key)).toBe('is the key of a service account');
  });

  it.each(['authorized_user', 'impersonated_service_account', 'external_account_authorized_user', undefined])(
    'refuses the type %s',
    (type) => expect(problemOf({ ...file, type })).toContain('type'),
  );

  it.each([
    ['another host', 'https://sts.evil.example/v1/token'],
    ['plain http', 'http://sts.googleapis.com/v1/token'],
    ['a host that only ends alike', 'https://evilsts.googleapis.com.evil.example/v1/token'],
    ['user information', 'https://sts.googleapis.com@evil.example/v1/token'],
    ['another port', 'https://sts.googleapis.com:8443/v1/token'],
    ['another path', 'https://sts.googleapis.com/v1/../evil'],
    ['another service of Google', 'https://storage.googleapis.com/evil-bucket/token'],
    ['a list', ['https://sts.googleapis.com/v1/token']],
    ['nothing', undefined],
  ])('refuses a token_url with %s', (_what, url) => {
    expect(problemOf({ ...file, token_url: url })).toContain('token_url');
  });

  it.each([
    [
      'another host',
      `https://evil.example/v1/projects/-/serviceAccounts/${serviceAccount}:generateAccessToken`,
    ],
    ['another path', `https://iamcredentials.googleapis.com/v1/evil/${serviceAccount}:generateAccessToken`],
    [
      'a path in the account',
      'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/../../evil@x.iam.gserviceaccount.com:generateAccessToken',
    ],
    [
      'an account of somebody else’s domain',
      'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@evil.example:generateAccessToken',
    ],
    [
      'an encoded slash',
      'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a%2Fb@x.iam.gserviceaccount.com:generateAccessToken',
    ],
  ])('refuses an impersonation URL with %s', (_what, url) => {
    expect(problemOf({ ...file, service_account_impersonation_url: url })).toContain('impersonation');
  });

  it.each([
    'region_url',
    'url',
    'imdsv2_session_token_url',
    'regional_cred_verification_url',
    'environment_id',
  ])('refuses another %s than that of AWS', (name) => {
    const source = { ...aws.credential_source, [name]: 'http://169.254.169.254.evil.example/latest/' };
    expect(problemOf({ ...aws, credential_source: source })).toContain(name);
  });

  it.each([
    ['executable', { executable: { command: '/bin/sh -c evil' } }],
    ['certificate', { certificate: { certificate_config_location: '/c' } }],
    ['url', { url: 'http://evil.example/token' }],
    // Beside one that would do: the first that some library looks at must not win.
    ['executable', { ...file.credential_source, executable: { command: 'evil' } }],
    ['url', { ...file.credential_source, url: 'http://evil.example/token' }],
    ['executable', { ...aws.credential_source, executable: { command: 'evil' } }],
  ])('takes no token from: %s', (what, source) => {
    expect(problemOf({ ...file, credential_source: source })).toBe(`takes its token from: ${what}`);
  });

  it.each([
    ['another universe', { universe_domain: 'evil.example' }, 'universe_domain'],
    ['an audience of another service', { audience: 'https://evil.example' }, 'audience'],
    [
      'a workforce pool',
      { audience: '//iam.googleapis.com/locations/global/workforcePools/p/providers/q' },
      'audience',
    ],
    [
      'a token of SAML',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
      'subject_token_type',
    ],
    ['no source', { credential_source: undefined }, 'credential_source'],
    [
      'a format without its field',
      { credential_source: { file: '/t', format: { type: 'json' } } },
      'credential_source',
    ],
  ])('refuses %s', (_what, change, word) => {
    expect(problemOf({ ...file, ...change })).toContain(word);
  });

  it.each(['', '{', '[]', 'null', '"external_account"', '-----BEGIN PRIVATE KEY-----'])(
    'refuses %j',
    (text) => {
      expect(problemOf(text)).toBeDefined();
    },
  );

  it('says nothing of what is in a file that it refuses', () => {
    const text = JSON.stringify({ type: 'service_account', private_key: 'CANARY' });
    expect(() => parseCredentialConfiguration(text)).toThrow(expect.not.stringContaining('CANARY') as string);
  });
});
