import { membersOf } from './google-answer.ts';

/** How this process is known to a workload identity pool of Google Cloud. */
export interface CredentialConfiguration {
  /** The provider of the pool, as Google's token service calls it. */
  readonly audience: string;
  readonly source:
    | { readonly kind: 'aws' }
    | {
        readonly kind: 'file';
        readonly path: string;
        /** `urn:ietf:params:oauth:token-type:…` */
        readonly tokenType: string;
        /** The member of a JSON file that has the token. Undefined: the file is the token. */
        readonly field: string | undefined;
      };
  /** Whom it may act as. Undefined: not said. */
  readonly serviceAccount: string | undefined;
}

/** The file is not one to go by. Says nothing of what is in it: it may hold a key. */
export class CredentialConfigurationError extends Error {
  readonly problem: string;
  readonly fix: string;

  constructor(problem: string, fix: string) {
    super(`credential configuration ${problem}`);
    this.name = 'CredentialConfigurationError';
    this.problem = problem;
    this.fix = fix;
  }
}

export const serviceAccountSyntax =
  /^[a-z0-9][a-z0-9-]{0,62}@(?:[a-z0-9-]{1,63}\.){1,6}gserviceaccount\.com$/;

const audienceSyntax =
  /^\/\/iam\.googleapis\.com\/projects\/\d{1,20}\/locations\/global\/workloadIdentityPools\/[a-z0-9-]{4,32}\/providers\/[a-z0-9-]{4,32}$/;
const impersonationSyntax =
  /^https:\/\/iamcredentials\.googleapis\.com\/v1\/projects\/-\/serviceAccounts\/([^/:?#]{1,254}):generateAccessToken$/;
const awsTokenType = 'urn:ietf:params:aws:token-type:aws4_request';
const fileTokenTypes = ['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:id_token'];
const again =
  'write it again with: gcloud iam workload-identity-pools create-cred-config, as the page on Google says';

/**
 * Reads what `gcloud iam workload-identity-pools create-cred-config` writes. Nothing is ever fetched from where it says:
 * each of its URLs has to be the one that is known here, since tokens of the platform would go to another.
 * @throws CredentialConfigurationError
 * @see https://google.aip.dev/auth/4117, and Google's warning about configurations from elsewhere:
 * https://cloud.google.com/docs/authentication/external/externally-sourced-credentials
 */
export function parseCredentialConfiguration(text: string): CredentialConfiguration {
  const file = membersOf(parseJson(text));
  checkType(file['type']);
  expect(file, 'token_url', ['https://sts.googleapis.com/v1/token']);
  expect(file, 'universe_domain', [undefined, 'googleapis.com']);
  const { audience, credential_source: source, subject_token_type: tokenType } = file;
  if (typeof audience !== 'string' || !audienceSyntax.test(audience)) {
    throw new CredentialConfigurationError(
      'has an audience that is no provider of a workload identity pool',
      again,
    );
  }
  return {
    audience,
    source: readSource(membersOf(source), tokenType),
    serviceAccount: readServiceAccount(file['service_account_impersonation_url']),
  };
}

function checkType(type: unknown): void {
  if (type === 'external_account') return;
  if (type === 'service_account') {
    throw new CredentialConfigurationError(
      'is the key of a service account',
      'delete that key in the Google Cloud console (IAM & Admin > Service Accounts > Keys): whoever copies it is this server for good. Use workload identity federation, or on Google Cloud no file at all',
    );
  }
  throw new CredentialConfigurationError('is none: its type is not external_account', again);
}

function readSource(
  source: Readonly<Record<string, unknown>>,
  tokenType: unknown,
): CredentialConfiguration['source'] {
  // A program, a certificate's key or a server of the file's choice: none of it is needed for what is supported here.
  const unsupported = ['executable', 'certificate'].find((name) => source[name] !== undefined);
  if (unsupported !== undefined) {
    throw new CredentialConfigurationError(
      `takes its token from: ${unsupported}`,
      'use AWS, or the file of a token',
    );
  }
  if (source['environment_id'] !== undefined) return readAws(source, tokenType);
  if (source['url'] !== undefined) {
    throw new CredentialConfigurationError('takes its token from: url', 'use AWS, or the file of a token');
  }
  const { file: path, format } = source;
  const { type = 'text', subject_token_field_name: field } = membersOf(format);
  const isFormat = type === 'text' || (type === 'json' && typeof field === 'string' && field !== '');
  if (typeof path !== 'string' || path === '' || !isFormat) {
    throw new CredentialConfigurationError('has no credential_source to go by', again);
  }
  const known = fileTokenTypes.find((each) => each === tokenType);
  if (known === undefined)
    throw new CredentialConfigurationError('has another subject_token_type than jwt', again);
  return { kind: 'file', path, tokenType: known, field: type === 'json' ? String(field) : undefined };
}

function readAws(
  source: Readonly<Record<string, unknown>>,
  tokenType: unknown,
): CredentialConfiguration['source'] {
  const metadata = 'http://169.254.169.254/latest/';
  expect(source, 'environment_id', ['aws1']);
  expect(source, 'region_url', [undefined, `${metadata}meta-data/placement/availability-zone`]);
  expect(source, 'url', [undefined, `${metadata}meta-data/iam/security-credentials`]);
  expect(source, 'imdsv2_session_token_url', [undefined, `${metadata}api/token`]);
  expect(source, 'regional_cred_verification_url', [verificationUrl]);
  if (tokenType !== awsTokenType) {
    throw new CredentialConfigurationError('has another subject_token_type than AWS needs', again);
  }
  return { kind: 'aws' };
}

const verificationUrl = 'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15';

function readServiceAccount(url: unknown): string | undefined {
  if (url === undefined) return undefined;
  const account = typeof url === 'string' ? impersonationSyntax.exec(url)?.[1] : undefined;
  if (account !== undefined && serviceAccountSyntax.test(account)) return account;
  throw new CredentialConfigurationError(
    'has another service_account_impersonation_url than that of a service account at iamcredentials.googleapis.com',
    again,
  );
}

function expect(
  members: Readonly<Record<string, unknown>>,
  name: string,
  values: ReadonlyArray<string | undefined>,
): void {
  if (values.some((value) => value === members[name])) return;
  throw new CredentialConfigurationError(`has another ${name} than ${values.at(-1) ?? ''}`, again);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CredentialConfigurationError('is no JSON', again);
  }
}
