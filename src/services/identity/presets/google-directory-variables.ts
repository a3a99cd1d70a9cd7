import type { PresetVariable } from './preset.ts';

const address = String.raw`[a-z0-9!#$%&'*+/=?^_{|}~.-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+`;

/** What the directory of a Google Workspace is asked for, and how this server gets to read it. */
export const googleDirectoryVariables = {
  GOOGLE_DIRECTORY: {
    description:
      'With `IDP=google`: what the directory of the Google Workspace is asked at every login and refresh. `users`: whether the account is there and not suspended or archived. `groups`: the groups that it is a direct member of, too, by their addresses. `nested`: and the groups that these are members of. Unset: it is not asked. No key is needed: see [Google Workspace](identity-providers/google.md).',
    accepts: '`users`, `groups` or `nested`; with `GOOGLE_HOSTED_DOMAIN`',
    syntax: /^(?:users|groups|nested)$/,
    console: 'see "The directory" below for what to grant',
    required: false,
  },
  GOOGLE_DIRECTORY_ADMIN: {
    description:
      'With `GOOGLE_DIRECTORY`: the administrator in whose name the directory is read (domain-wide delegation). Unset: the service account has a role of an administrator itself.',
    accepts: 'an address of the organisation, in lower case, such as `directory-reader@example.com`',
    syntax: new RegExp(`^${address}$`),
    console: 'write the address of an account whose only admin role is to read users and groups',
    required: false,
  },
  GOOGLE_DIRECTORY_SERVICE_ACCOUNT: {
    description:
      'With `GOOGLE_DIRECTORY`: the service account that this server acts as. Unset: the one that it runs as on Google Cloud, or that the credential configuration names.',
    accepts: 'an address, such as `gatehouse@my-project.iam.gserviceaccount.com`',
    syntax: /^[a-z0-9][a-z0-9-]{0,62}@(?:[a-z0-9-]{1,63}\.){1,6}gserviceaccount\.com$/,
    console: 'write the "Email" that the Google Cloud console shows under IAM & Admin > Service Accounts',
    required: false,
  },
  GOOGLE_DIRECTORY_GROUPS: {
    description:
      'With `GOOGLE_DIRECTORY=groups` or `nested`: the groups that are kept, beside those of `ALLOWED_GROUPS` and of rules; name each that your server goes by. Unset: all.',
    accepts: 'addresses of groups separated by commas, in lower case',
    syntax: new RegExp(`^${address}(?:,${address}){0,99}$`),
    console:
      'write the addresses that the Google Admin console shows under Directory > Groups, without blanks',
    required: false,
  },
  GOOGLE_WORKLOAD_CREDENTIALS_PATH: {
    description:
      'With `GOOGLE_DIRECTORY`, outside of Google Cloud: the file of the credential configuration for workload identity federation. No secret is in it; the key of a service account is refused. Unset: the metadata server of Google Cloud is asked.',
    accepts:
      'path of a file that `gcloud iam workload-identity-pools create-cred-config` wrote, for AWS or the file of a token',
    syntax: /^[^\0]+$/,
    console: 'see "Outside of Google Cloud" below',
    required: false,
  },
} satisfies Record<string, PresetVariable>;

const admin = 'Google Admin console (admin.google.com)';
const cloud = 'Google Cloud console';
const page = 'docs/identity-providers/google.md';

/** What a console lacks when the directory cannot be read, by the kind of failure. */
export const googleDirectoryHints: Readonly<Record<string, string>> = {
  directory_denied: `${admin} > Account > Admin roles: GOOGLE_DIRECTORY_ADMIN, or without it the service account, needs a role with the Admin API privileges Users > Read and Groups > Read for the whole organisation`,
  directory_api_disabled: `${cloud} > APIs & Services > Library: enable "Admin SDK API" in the project of the service account`,
  directory_delegation_refused: `${admin} > Security > Access and data control > API controls > Domain-wide delegation: add the service account's "Unique ID" (${cloud} > IAM & Admin > Service Accounts) with the scopes https://www.googleapis.com/auth/admin.directory.user.readonly and https://www.googleapis.com/auth/admin.directory.group.readonly`,
  directory_admin_unknown: `${admin} > Directory > Users: GOOGLE_DIRECTORY_ADMIN must be the address of an active account of this organisation; and the clock of this machine must be right`,
  directory_sign_jwt_denied: `${cloud} > IAM & Admin > Service Accounts > the account > Permissions: grant "Service Account Token Creator" (iam.serviceAccounts.signJwt) on it to whom this server is there: the service account itself on Google Cloud, else the principal of the workload identity pool`,
  directory_impersonation_denied: `${cloud} > IAM & Admin > Service Accounts > the account > Permissions: grant "Service Account Token Creator" (iam.serviceAccounts.getAccessToken) on it to whom this server is there: the service account itself on Google Cloud, else the principal of the workload identity pool`,
  directory_iam_api_disabled: `${cloud} > APIs & Services > Library: enable "IAM Service Account Credentials API" in the project of the service account`,
  directory_service_account_unknown: `${cloud} > IAM & Admin > Service Accounts: there is no such account as GOOGLE_DIRECTORY_SERVICE_ACCOUNT, or the credential configuration, names`,
  directory_service_account_unnamed:
    'set GOOGLE_DIRECTORY_SERVICE_ACCOUNT: the platform names no service account (on GKE, one has to be linked to that of Kubernetes)',
  directory_access_scope_missing: `${cloud} > Compute Engine > VM instances > the instance > Edit > Access scopes: choose "Allow full access to all Cloud APIs" (cloud-platform); what the service account may do is for its roles`,
  directory_sts_api_disabled: `${cloud} > APIs & Services > Library: enable "Security Token Service API" in the project of the workload identity pool`,
  directory_sts_audience: `${cloud} > IAM & Admin > Workload Identity Federation: the pool or its provider that "audience" of the credential configuration names is not there, or is disabled`,
  directory_sts_refused: `${cloud} > IAM & Admin > Workload Identity Federation > the pool > the provider: it does not accept the token of this platform: look at the AWS account or issuer, the allowed audiences, the attribute condition, and the clock of this machine`,
  directory_metadata_missing: `no metadata server of Google Cloud answers: elsewhere set GOOGLE_WORKLOAD_CREDENTIALS_PATH (${page}); on Google Cloud give the machine or service a service account with the access scope cloud-platform`,
  directory_metadata_foreign: `what answers at 169.254.169.254 is not the metadata server of Google Cloud: set GOOGLE_WORKLOAD_CREDENTIALS_PATH (${page})`,
  directory_aws_credentials_missing:
    'AWS gives this process no role: attach one to the instance (IMDSv2, hop limit 2 for containers), to the task of ECS, or by EKS Pod Identity; an access key without AWS_SESSION_TOKEN is not taken',
  directory_aws_region_missing: 'set AWS_REGION to the region that this runs in, such as eu-central-1',
  directory_subject_token_unreadable:
    'the file that credential_source of the credential configuration names has to hold a token (a JWT) that this process may read; in Kubernetes a projected volume with the audience of the pool',
  directory_credentials_unusable:
    'GOOGLE_WORKLOAD_CREDENTIALS_PATH: gatehouse check-config says what is wrong with the file',
  directory_key_refused:
    'GOOGLE_WORKLOAD_CREDENTIALS_PATH names the key of a service account: delete the key, and use workload identity federation',
  directory_too_many_groups:
    'somebody is in more groups, with those around them, than are looked up (500): set GOOGLE_DIRECTORY=groups',
  directory_throttled: `Google does not take more questions for now: ${cloud} > APIs & Services > Admin SDK API > Quotas; GOOGLE_DIRECTORY=nested asks once for each group`,
};
