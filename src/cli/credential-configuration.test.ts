import { describe, expect, it } from 'vitest';

import { load } from '../../test/support/configuration.ts';
import { findCredentialConfigurationProblems } from './credential-configuration.ts';

const path = '/etc/gatehouse/google.json';
const account = 'gatehouse@my-project.iam.gserviceaccount.com';
const good = {
  type: 'external_account',
  audience:
    '//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/my-pool/providers/my-provider',
  token_url: 'https://sts.googleapis.com/v1/token',
  service_account_impersonation_url: `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${account}:generateAccessToken`,
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  credential_source: { file: '/var/run/token' },
};

function problemsOf(content: object | undefined, changes: Record<string, string> = {}): readonly string[] {
  const config = load({
    IDP: 'google',
    OIDC_ISSUER_URL: undefined,
    GOOGLE_HOSTED_DOMAIN: 'example.com',
    GOOGLE_DIRECTORY: 'users',
    GOOGLE_WORKLOAD_CREDENTIALS_PATH: path,
    ...changes,
  });
  const read = (): string => {
    if (content === undefined) throw new Error('no such file');
    return JSON.stringify(content);
  };
  return findCredentialConfigurationProblems(config, read).map(
    ({ variable, problem, fix }) => `${variable} ${problem}: ${fix}`,
  );
}

describe('findCredentialConfigurationProblems', () => {
  it('finds nothing in what gcloud writes', () => {
    expect(problemsOf(good)).toEqual([]);
  });

  it('says before anything starts that a key is no way in', () => {
    expect(problemsOf({ type: 'service_account', private_key: 'CANARY' })).toEqual([
      expect.stringMatching(
        /^GOOGLE_WORKLOAD_CREDENTIALS_PATH names a file that is the key of a service account: delete that key/,
      ),
    ]);
  });

  it.each([
    ['that cannot be read', undefined, 'cannot be read'],
    ['that leads elsewhere', { ...good, token_url: 'https://evil.example/token' }, 'another token_url'],
  ])('finds a file %s', (_what, content, words) => {
    expect(problemsOf(content)).toEqual([expect.stringContaining(words)]);
  });

  it('wants a service account, there or in a variable', () => {
    const without = { ...good, service_account_impersonation_url: undefined };
    expect(problemsOf(without)).toEqual([expect.stringContaining('names no service account')]);
    expect(problemsOf(without, { GOOGLE_DIRECTORY_SERVICE_ACCOUNT: account })).toEqual([]);
  });
});
