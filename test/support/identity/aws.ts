import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import type { FakeClock } from '../fake-clock.ts';
import type { Reply } from './google-workspace.ts';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/**
 * What AWS says to its machines, and what its STS makes of a signed question about who asks.
 *
 * From docs.aws.amazon.com, read, not recorded:
 * - "Use the Instance Metadata Service": version 2 wants `PUT /latest/api/token` with a lifetime first, and its token in a
 *   header; without it 401
 * - "Container credential provider": the agent of ECS is at 169.254.170.2, that of EKS at 169.254.170.23, which wants the
 *   token of a file in `Authorization`
 * - "Signature Version 4": how the signature comes about; a request is refused that is 15 minutes old
 */
export class SimulatedAws {
  credentials: Credentials = {
    accessKeyId: 'ASIAEXAMPLE',
    secretAccessKey: 'CANARY-aws-secret',
    sessionToken: 'CANARY-aws-session+/=',
  };
  region = 'eu-central-1';
  role = 'gatehouse-task';
  /** Whether this is an instance at all, with a role. */
  hasInstanceRole = true;
  /** What the agent of the container wants in `Authorization`. */
  containerToken: string | undefined;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  answerMetadata(method: string, { pathname }: URL, headers: IncomingHttpHeaders): Reply {
    if (pathname === '/latest/api/token') {
      const isAsked = method === 'PUT' && headers['x-aws-ec2-metadata-token-ttl-seconds'] !== undefined;
      return isAsked ? { status: 200, body: 'imds-session' } : { status: 405 };
    }
    if (headers['x-aws-ec2-metadata-token'] !== 'imds-session') return { status: 401 };
    if (pathname === '/latest/meta-data/placement/region') return { status: 200, body: this.region };
    const path = '/latest/meta-data/iam/security-credentials/';
    if (!this.hasInstanceRole) return { status: 404 };
    if (pathname === path) return { status: 200, body: this.role };
    return pathname === `${path}${this.role}` ? { status: 200, body: this.#describe() } : { status: 404 };
  }

  answerContainer(headers: IncomingHttpHeaders): Reply {
    if (headers.authorization !== this.containerToken) return { status: 401 };
    return { status: 200, body: this.#describe() };
  }

  #describe(): object {
    const { accessKeyId, secretAccessKey, sessionToken } = this.credentials;
    return {
      Code: 'Success',
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      Expiration: '2030-01-01T00:00:00Z',
    };
  }

  /** Whom the question is from, as STS would say; undefined: it is not signed by anybody known, not now, or not as it is. */
  callerOf(token: string): { readonly host: string; readonly target: string | undefined } | undefined {
    const {
      url,
      method,
      headers: list,
    } = JSON.parse(decodeURIComponent(token)) as {
      readonly url: string;
      readonly method: string;
      readonly headers: readonly { readonly key: string; readonly value: string }[];
    };
    const headers = new Map(list.map(({ key, value }) => [key.toLowerCase(), value]));
    const { hostname, search } = new URL(url);
    const parts =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/sts\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
        headers.get('authorization') ?? '',
      );
    const [, key, day = '', region = '', names = '', signature = ''] = parts ?? [];
    const isMeant =
      method === 'POST' &&
      key === this.credentials.accessKeyId &&
      search === '?Action=GetCallerIdentity&Version=2011-06-15' &&
      hostname === `sts.${region}.amazonaws.com` &&
      headers.get('host') === hostname &&
      headers.get('x-amz-security-token') === this.credentials.sessionToken &&
      this.#isRecent(headers.get('x-amz-date') ?? '');
    if (!isMeant) return undefined;
    const canonical = `POST\n/\n${search.slice(1)}\n${names
      .split(';')
      .map((name) => `${name}:${headers.get(name) ?? ''}\n`)
      .join('')}\n${names}\n${createHash('sha256').digest('hex')}`;
    const scope = `${day}/${region}/sts/aws4_request`;
    const text = `AWS4-HMAC-SHA256\n${headers.get('x-amz-date') ?? ''}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
    const mac = (secret: string | Buffer, part: string): Buffer =>
      createHmac('sha256', secret).update(part).digest();
    const secret = mac(
      mac(mac(mac(`AWS4${this.credentials.secretAccessKey}`, day), region), 'sts'),
      'aws4_request',
    );
    const isSigned = timingSafeEqual(mac(secret, text), Buffer.from(signature, 'hex'));
    const isTargetSigned = names.split(';').includes('x-goog-cloud-target-resource');
    return isSigned && names.includes('x-amz-security-token')
      ? { host: hostname, target: isTargetSigned ? headers.get('x-goog-cloud-target-resource') : undefined }
      : undefined;
  }

  #isRecent(date: string): boolean {
    const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
    const at = Date.UTC(year, month - 1, day, hour, minute, second);
    return Math.abs(at - this.#clock.nowMilliseconds()) < 15 * 60_000;
  }
}
