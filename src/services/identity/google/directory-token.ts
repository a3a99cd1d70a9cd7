import { ProviderFailure } from '../provider-failure.ts';
import {
  CredentialConfigurationError,
  parseCredentialConfiguration,
  serviceAccountSyntax,
} from './credential-configuration.ts';
import { isBearer, obtainFederatedToken } from './federated-token.ts';
import type { GoogleDirectorySettings } from './google-directory-settings.ts';
import { type Answer, askTwice, failureOf, hasReason, membersOf } from './google-answer.ts';
import { createMetadataServer } from './metadata-server.ts';
import type { IssuedToken, Platform } from './platform.ts';

const scopes = [
  'https://www.googleapis.com/auth/admin.directory.user.readonly',
  'https://www.googleapis.com/auth/admin.directory.group.readonly',
];
const iam = 'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts';
const tokenEndpoint = 'https://oauth2.googleapis.com/token';
const lifetimeSeconds = 3_600;

/** Who this process is for Google Cloud, and the service account that it acts as. */
interface Caller {
  readonly token: string;
  readonly serviceAccount: string;
}

/**
 * A token to read the directory with, and no key anywhere: Google signs in the name of a service account that this process
 * may act as. With an administrator named, the service account acts for that one (domain-wide delegation); without, it has
 * to have a role of an administrator itself.
 * @throws ProviderFailure of a kind that begins with `directory_`, for each thing that a console may lack
 * @see https://developers.google.com/identity/protocols/oauth2/service-account, RFC 7523 §2.1
 */
export async function obtainDirectoryToken(
  settings: GoogleDirectorySettings,
  platform: Platform,
  signal: AbortSignal,
): Promise<IssuedToken> {
  const caller = await findCaller(settings, platform, signal);
  const { admin } = settings;
  if (admin === undefined) return generateToken(caller, platform, signal);
  return delegate(await signAssertion(caller, admin, { platform, signal }), platform, signal);
}

async function findCaller(
  { credentialsPath, serviceAccount: chosen }: GoogleDirectorySettings,
  platform: Platform,
  signal: AbortSignal,
): Promise<Caller> {
  if (credentialsPath === undefined) {
    const server = createMetadataServer(platform);
    const serviceAccount = checkAccount(chosen ?? (await server.serviceAccount(signal)));
    return { serviceAccount, token: await server.token(signal) };
  }
  // Read anew, as everything that it leads to is: it is once an hour.
  const configuration = await readConfiguration(credentialsPath, platform);
  const serviceAccount = checkAccount(chosen ?? configuration.serviceAccount ?? '');
  return { serviceAccount, token: await obtainFederatedToken(configuration, platform, signal) };
}

async function readConfiguration(
  path: string,
  { readFile }: Platform,
): Promise<ReturnType<typeof parseCredentialConfiguration>> {
  try {
    return parseCredentialConfiguration(await readFile(path));
  } catch (error) {
    const isKey = error instanceof CredentialConfigurationError && error.problem.includes('key');
    throw new ProviderFailure(isKey ? 'directory_key_refused' : 'directory_credentials_unusable');
  }
}

/** It becomes part of a path. */
function checkAccount(account: string): string {
  if (serviceAccountSyntax.test(account)) return account;
  throw new ProviderFailure('directory_service_account_unnamed');
}

/** @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt */
async function signAssertion(
  caller: Caller,
  admin: string,
  { platform, signal }: { readonly platform: Platform; readonly signal: AbortSignal },
): Promise<string> {
  const now = platform.clock.nowSeconds();
  const claims = {
    iss: caller.serviceAccount,
    sub: admin,
    scope: scopes.join(' '),
    aud: tokenEndpoint,
    iat: now,
    exp: now + lifetimeSeconds,
  };
  const answer = await askIam(caller, 'signJwt', { payload: JSON.stringify(claims) }, { platform, signal });
  const { signedJwt } = membersOf(answer.body);
  if (typeof signedJwt === 'string' && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(signedJwt)) return signedJwt;
  throw new ProviderFailure('directory_malformed');
}

async function delegate(assertion: string, { fetch }: Platform, signal: AbortSignal): Promise<IssuedToken> {
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion,
  });
  const answer = await askTwice(fetch, tokenEndpoint, { method: 'POST', body, signal });
  const { access_token: token, token_type: type, expires_in: lifetime, error } = membersOf(answer.body);
  if (answer.status === 200 && isBearer(token, type))
    return { token, lifetimeSeconds: boundLifetime(lifetime) };
  const kind = typeof error === 'string' ? delegationErrors[error] : undefined;
  throw kind === undefined ? failureOf(answer) : new ProviderFailure(kind);
}

const delegationErrors: Readonly<Record<string, string>> = {
  unauthorized_client: 'directory_delegation_refused',
  access_denied: 'directory_delegation_refused',
  invalid_scope: 'directory_delegation_refused',
  invalid_grant: 'directory_admin_unknown',
};

/** @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken */
async function generateToken(caller: Caller, platform: Platform, signal: AbortSignal): Promise<IssuedToken> {
  const wanted = { scope: scopes, lifetime: `${lifetimeSeconds}s` };
  const answer = await askIam(caller, 'generateAccessToken', wanted, { platform, signal });
  const { accessToken: token, expireTime } = membersOf(answer.body);
  if (!isBearer(token, 'bearer') || typeof expireTime !== 'string')
    throw new ProviderFailure('directory_malformed');
  const left = (Date.parse(expireTime) - platform.clock.nowMilliseconds()) / 1_000;
  return { token, lifetimeSeconds: boundLifetime(left) };
}

async function askIam(
  { token, serviceAccount }: Caller,
  method: 'signJwt' | 'generateAccessToken',
  wanted: object,
  { platform, signal }: { readonly platform: Platform; readonly signal: AbortSignal },
): Promise<Answer> {
  const answer = await askTwice(platform.fetch, `${iam}/${serviceAccount}:${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(wanted),
    signal,
  });
  if (answer.status === 200) return answer;
  if (hasReason(answer, ['ACCESS_TOKEN_SCOPE_INSUFFICIENT'])) {
    throw new ProviderFailure('directory_access_scope_missing');
  }
  if (hasReason(answer, ['SERVICE_DISABLED'])) throw new ProviderFailure('directory_iam_api_disabled');
  if (answer.status === 404) throw new ProviderFailure('directory_service_account_unknown');
  if (answer.status === 403 && hasReason(answer, ['PERMISSION_DENIED', 'IAM_PERMISSION_DENIED'])) {
    throw new ProviderFailure(
      method === 'signJwt' ? 'directory_sign_jwt_denied' : 'directory_impersonation_denied',
    );
  }
  throw failureOf(answer);
}

/** A peer's word for it has no say in how long a token is kept beyond an hour; nonsense makes it one of no time. */
function boundLifetime(value: unknown): number {
  const isNumber = typeof value === 'number' && Number.isFinite(value) && value > 0;
  return isNumber ? Math.min(value, lifetimeSeconds) : 0;
}
