import type { GuardedFetch, GuardedFetchInit } from '../../../platform/outbound/guarded-fetch.ts';
import { ProviderFailure } from '../provider-failure.ts';
import type { AwsCredentials } from './aws-signature.ts';
import { ask, membersOf } from './google-answer.ts';
import type { Platform } from './platform.ts';

export interface AwsIdentity {
  readonly credentials: AwsCredentials;
  readonly region: string;
}

/** The service that every EC2 instance asks about itself. The credential configuration is not asked where that is. */
const awsMetadataOrigin = 'http://169.254.169.254';
const ecsOrigin = 'http://169.254.170.2';
/** Where agents of ECS and EKS are; what else a variable may name is somebody's server. */
const containerHosts = new Set(['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]', '127.0.0.1', '[::1]']);
const metadataTimeoutMilliseconds = 2_000;
// It becomes part of a host name.
const regionSyntax = /^[a-z]{2,4}(?:-[a-z]{2,20}){1,3}-\d$/;

/**
 * The role that AWS gave the machine, task or pod, from where AWS itself says that programs look: the environment (Lambda),
 * the agent of the container (ECS, EKS Pod Identity), the metadata service of the instance, version 2 only.
 * @throws ProviderFailure `directory_aws_credentials_missing`, `directory_aws_region_missing`
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export async function findAwsIdentity(platform: Platform, signal: AbortSignal): Promise<AwsIdentity> {
  const { environment } = platform;
  const instance = createInstance(platform.fetch, signal);
  const found =
    readEnvironment(environment) ??
    (await askContainer(platform, signal)) ??
    (await instance.credentials().catch(missing));
  const named = environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'];
  const region = named ?? (await instance.region().catch(() => ''));
  if (!regionSyntax.test(region)) throw new ProviderFailure('directory_aws_region_missing');
  return { credentials: found, region };
}

/** A key without a session token never ends: it is what this is here to do without. */
function readEnvironment(environment: Platform['environment']): AwsCredentials | undefined {
  return readCredentials({
    AccessKeyId: environment['AWS_ACCESS_KEY_ID'],
    SecretAccessKey: environment['AWS_SECRET_ACCESS_KEY'],
    Token: environment['AWS_SESSION_TOKEN'],
  });
}

/** Undefined: this is no container of ECS or EKS. */
async function askContainer(
  { environment, fetch, readFile }: Platform,
  signal: AbortSignal,
): Promise<AwsCredentials | undefined> {
  const relative = environment['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const named =
    relative === undefined ? environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'] : `${ecsOrigin}${relative}`;
  if (named === undefined) return undefined;
  const url = URL.parse(named);
  // The token of the pod goes there. `http://169.254.170.2` + `@evil.example` is a host of its own, hence the parser.
  const isAgent = url?.protocol === 'http:' && url.username === '' && containerHosts.has(url.hostname);
  if (!isAgent) return missing();
  const path = environment['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const token =
    path === undefined
      ? environment['AWS_CONTAINER_AUTHORIZATION_TOKEN']
      : await readFile(path).then((text) => text.trim(), missing);
  if (token !== undefined && !/^[\x21-\x7e]{1,16384}$/.test(token)) return missing();
  const headers = token === undefined ? {} : { authorization: token };
  const { status, body } = await ask(fetch, url.href, limited({ headers, signal }));
  return (status === 200 ? readCredentials(membersOf(body)) : undefined) ?? missing();
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html */
function createInstance(
  fetch: GuardedFetch,
  signal: AbortSignal,
): { credentials: () => Promise<AwsCredentials>; region: () => Promise<string> } {
  let session: Promise<string> | undefined;

  async function open(): Promise<string> {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
    const url = `${awsMetadataOrigin}/latest/api/token`;
    const { status, text } = await ask(fetch, url, limited({ method: 'PUT', headers, signal }));
    if (status !== 200 || !/^[\x21-\x7e]{1,512}$/.test(text)) return missing();
    return text;
  }

  async function read(path: string): Promise<{ readonly text: string; readonly body: unknown }> {
    session ??= open();
    const headers = { 'x-aws-ec2-metadata-token': await session };
    const answer = await ask(
      fetch,
      `${awsMetadataOrigin}/latest/meta-data/${path}`,
      limited({ headers, signal }),
    );
    return answer.status === 200 ? answer : missing();
  }

  return {
    async credentials() {
      const role = (await read('iam/security-credentials/')).text.trim();
      if (!/^[\w+=,.@-]{1,64}$/.test(role)) return missing();
      const { body } = await read(`iam/security-credentials/${encodeURIComponent(role)}`);
      return readCredentials(membersOf(body)) ?? missing();
    },
    region: async () => (await read('placement/region')).text.trim(),
  };
}

function readCredentials(members: Readonly<Record<string, unknown>>): AwsCredentials | undefined {
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken } = members;
  if (!isWord(accessKeyId) || !isWord(secretAccessKey) || !isWord(sessionToken)) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken };
}

/** They become parts of headers. */
function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,8192}$/.test(value);
}

/** Elsewhere than on AWS nothing answers there at all. */
function limited(init: GuardedFetchInit & { readonly signal: AbortSignal }): GuardedFetchInit {
  return {
    ...init,
    signal: AbortSignal.any([init.signal, AbortSignal.timeout(metadataTimeoutMilliseconds)]),
  };
}

function missing(): never {
  throw new ProviderFailure('directory_aws_credentials_missing');
}
