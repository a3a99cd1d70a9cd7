import { createHash, createHmac } from 'node:crypto';

/** Credentials of AWS that end by themselves. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export interface AwsRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** Sorted by name, percent-encoded. */
  readonly query: string;
  /** Signed beside `host` and `x-amz-date`: names in lower case, values without blanks at their ends. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface AwsScope {
  readonly region: string;
  readonly service: string;
  readonly atMilliseconds: number;
}

const algorithm = 'AWS4-HMAC-SHA256';

/**
 * The headers of a request without a body, `authorization` among them, by Signature Version 4. Every one is signed.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signAwsRequest(
  request: AwsRequest,
  credentials: Pick<AwsCredentials, 'accessKeyId' | 'secretAccessKey'>,
  { region, service, atMilliseconds }: AwsScope,
): Readonly<Record<string, string>> {
  const time = new Date(atMilliseconds).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const headers = { ...request.headers, host: request.host, 'x-amz-date': time };
  const entries = Object.entries(headers).sort(([left], [right]) => (left < right ? -1 : 1));
  const names = entries.map(([name]) => name).join(';');
  const canonical = [
    request.method,
    request.path,
    request.query,
    ...entries.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    sha256(''),
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = [algorithm, time, scope, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${credentials.secretAccessKey}`,
  );
  const signature = hmac(key, text).toString('hex');
  const credential = `${credentials.accessKeyId}/${scope}`;
  return {
    ...headers,
    authorization: `${algorithm} Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
