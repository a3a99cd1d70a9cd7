import { ProviderFailure } from '../provider-failure.ts';
import { findAwsIdentity } from './aws-credentials.ts';
import { signAwsRequest } from './aws-signature.ts';
import type { CredentialConfiguration } from './credential-configuration.ts';
import { askTwice, failureOf, hasReason, membersOf } from './google-answer.ts';
import type { Platform } from './platform.ts';

const tokenEndpoint = 'https://sts.googleapis.com/v1/token';
const awsTokenType = 'urn:ietf:params:aws:token-type:aws4_request';
const maxTokenLength = 16 * 1024;

/**
 * Exchanges what the platform gave this process for a token of Google Cloud, which stands for the process itself and is
 * good for acting as a service account.
 * @throws ProviderFailure `directory_sts_audience`, `directory_sts_refused`, `directory_sts_api_disabled`, `directory_subject_token_unreadable`, and those
 * of AWS and of any request
 * @see RFC 8693 §2.1, https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
 */
export async function obtainFederatedToken(
  { audience, source }: CredentialConfiguration,
  platform: Platform,
  signal: AbortSignal,
): Promise<string> {
  const isAws = source.kind === 'aws';
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token_type: isAws ? awsTokenType : source.tokenType,
    subject_token: isAws
      ? await signCallerIdentity(audience, platform, signal)
      : await readSubjectToken(source, platform),
  });
  const answer = await askTwice(platform.fetch, tokenEndpoint, { method: 'POST', body: form, signal });
  const { access_token: token, error, token_type: type } = membersOf(answer.body);
  if (answer.status === 200 && isBearer(token, type)) return token;
  if (hasReason(answer, ['SERVICE_DISABLED'])) throw new ProviderFailure('directory_sts_api_disabled');
  if (error === 'invalid_target') throw new ProviderFailure('directory_sts_audience');
  // The provider of the pool does not accept this token, or its condition does not hold.
  if (typeof error === 'string' && answer.status < 500) throw new ProviderFailure('directory_sts_refused');
  throw failureOf(answer);
}

/**
 * A question to AWS about who asks, signed and not sent: Google sends it, and learns the role without any secret. The pool's
 * provider is signed with it, so that nobody who gets to see it can use it at another.
 * @see https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds#rest, `x-goog-cloud-target-resource`
 */
async function signCallerIdentity(
  audience: string,
  platform: Platform,
  signal: AbortSignal,
): Promise<string> {
  const { credentials, region } = await findAwsIdentity(platform, signal);
  const host = `sts.${region}.amazonaws.com`;
  const query = 'Action=GetCallerIdentity&Version=2011-06-15';
  const headers = signAwsRequest(
    {
      method: 'POST',
      host,
      path: '/',
      query,
      headers: {
        'x-amz-security-token': credentials.sessionToken,
        'x-goog-cloud-target-resource': audience,
      },
    },
    credentials,
    { region, service: 'sts', atMilliseconds: platform.clock.nowMilliseconds() },
  );
  const list = Object.entries(headers).map(([key, value]) => ({ key, value }));
  return encodeURIComponent(
    JSON.stringify({ url: `https://${host}?${query}`, method: 'POST', headers: list }),
  );
}

async function readSubjectToken(
  { path, field }: CredentialConfiguration['source'] & { kind: 'file' },
  { readFile }: Platform,
): Promise<string> {
  const token = await readFile(path)
    .then(
      (text) => (field === undefined ? text.trim() : membersOf(JSON.parse(text))[field]),
      () => undefined,
    )
    .catch(() => undefined);
  // Whatever else the path names is not sent to anybody.
  const isToken =
    typeof token === 'string' && token.length <= maxTokenLength && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
  if (!isToken) throw new ProviderFailure('directory_subject_token_unreadable');
  return token;
}

/** It becomes a header. */
export function isBearer(token: unknown, type: unknown): token is string {
  const isNamed = typeof type === 'string' && type.toLowerCase() === 'bearer';
  return isNamed && typeof token === 'string' && /^[\x21-\x7e]{1,16384}$/.test(token);
}
