import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createGuardedFetch, type GuardedFetch } from '../../../src/platform/outbound/guarded-fetch.ts';
import type { FakeClock } from '../fake-clock.ts';
import { SimulatedAws } from './aws.ts';
import { googleError, type Reply, SimulatedWorkspace } from './google-workspace.ts';

export interface CloudRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/**
 * Google Cloud around a workspace: metadata server, token services, IAM Credentials; and AWS at the addresses that it has.
 * `fetch` takes every host there, so that addresses in the sources are the real ones.
 *
 * From cloud.google.com and developers.google.com, read, not recorded:
 * - "View and query VM metadata": requests want `Metadata-Flavor: Google`, else 403; answers carry it as well
 * - IAM Credentials `signJwt` takes `payload`, JSON as text, and gives `signedJwt`; `generateAccessToken` takes `scope` and
 *   `lifetime` and gives `accessToken` and `expireTime`; without the permission 403 "IAM_PERMISSION_DENIED"
 * - "Using OAuth 2.0 for Server to Server Applications": 401 `unauthorized_client` for scopes that nobody delegated, 400
 *   `invalid_grant` for an account that is not there
 * - Security Token Service `v1/token`: RFC 8693, 400 `invalid_target` for an unknown audience, `invalid_grant` for a token
 *   that the provider of the pool does not accept
 */
export class SimulatedGoogleCloud {
  readonly workspace = new SimulatedWorkspace();
  readonly aws: SimulatedAws;
  serviceAccount = 'gatehouse@my-project.iam.gserviceaccount.com';
  admin = 'directory-reader@example.com';
  audience =
    '//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/gatehouse-pool/providers/gatehouse-provider';
  /** Which token of a file the provider of the pool accepts. */
  acceptsToken = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJwb2QifQ.CANARY-pod';
  /** Whether this machine is in Google Cloud. */
  hasMetadataServer = true;
  metadataFlavor: string | undefined = 'Google';
  tokenLifetimeSeconds = 3_600;
  /** In place of the answer where host and path end so. */
  readonly failures = new Map<string, Reply>();
  readonly requests: CloudRequest[] = [];
  readonly fetch: GuardedFetch;
  readonly #clock: FakeClock;
  readonly #server: Server;
  readonly #tokens = new Set<string>();

  static async start(clock: FakeClock): Promise<SimulatedGoogleCloud> {
    const cloud = new SimulatedGoogleCloud(clock);
    cloud.#server.listen(0, '127.0.0.1');
    await once(cloud.#server, 'listening');
    return cloud;
  }

  private constructor(clock: FakeClock) {
    this.#clock = clock;
    this.aws = new SimulatedAws(clock);
    this.#server = createServer((request, response) => {
      this.#receive(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    const real = createGuardedFetch({ totalTimeoutMs: 5_000, maxBytes: 1_000_000, userAgent: 'test' });
    this.fetch = (url, init) => {
      const { protocol, host, pathname, search } = new URL(url);
      const { port } = this.#server.address() as AddressInfo;
      return real(`http://127.0.0.1:${port}/${protocol}${host}${pathname}${search}`, init);
    };
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close').catch(() => undefined);
  }

  /** How often something was asked whose path ends so. */
  count(end: string): number {
    return this.requests.filter(({ path }) => path.split('?')[0]?.endsWith(end)).length;
  }

  /** Tokens that were given out are good no more. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, origin = '', rest = ''] = /^\/(https?:[^/]+)(\/.*)$/.exec(request.url ?? '') ?? [];
    const url = new URL(`${origin.replace(':', '://')}${rest}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const { method = '', headers } = request;
    this.requests.push({
      method,
      host: url.host,
      path: `${url.pathname}${url.search}`,
      authorization: headers.authorization,
      body,
    });
    const failure = [...this.failures].find(([end]) => `${url.host}${url.pathname}`.endsWith(end))?.[1];
    const reply = failure ?? this.#answer({ url, body, method, headers });
    // Nobody is there at all.
    if (reply === undefined) return void request.socket.destroy();
    const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {});
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers }).end(text);
  }

  #answer({ url, body, method, headers }: Asked): Reply | undefined {
    const { protocol, host } = url;
    switch (`${protocol}//${host}`) {
      case 'http://169.254.169.254':
        if (url.pathname.startsWith('/latest/')) return this.aws.answerMetadata(method, url, headers);
        return this.hasMetadataServer ? this.#answerMetadata(url, headers) : undefined;
      case 'http://169.254.170.2':
      case 'http://169.254.170.23':
        return this.aws.answerContainer(headers);
      case 'https://sts.googleapis.com':
        return this.#exchange(new URLSearchParams(body));
      case 'https://iamcredentials.googleapis.com':
        return this.#actAs(url, body, headers.authorization);
      case 'https://oauth2.googleapis.com':
        return this.#delegate(new URLSearchParams(body));
      case 'https://admin.googleapis.com': {
        const isKnown = this.#tokens.has(headers.authorization?.replace('Bearer ', '') ?? '');
        return isKnown ? this.workspace.answer(url) : googleError(401, 'authError', 'UNAUTHENTICATED');
      }
      default:
        return undefined;
    }
  }

  #answerMetadata(url: URL, headers: Asked['headers']): Reply {
    const flavor = this.metadataFlavor === undefined ? {} : { 'metadata-flavor': this.metadataFlavor };
    if (headers['metadata-flavor'] !== 'Google') return { status: 403, headers: flavor };
    const root = '/computeMetadata/v1/instance/service-accounts/default/';
    if (url.pathname === `${root}email`) return { status: 200, headers: flavor, body: this.serviceAccount };
    if (url.pathname !== `${root}token`) return { status: 404, headers: flavor };
    const body = { access_token: 'CANARY-platform-token', expires_in: 3_599, token_type: 'Bearer' };
    return { status: 200, headers: flavor, body };
  }

  #exchange(form: URLSearchParams): Reply {
    if (form.get('audience') !== this.audience) return { status: 400, body: { error: 'invalid_target' } };
    const token = form.get('subject_token') ?? '';
    const isAws = form.get('subject_token_type') === 'urn:ietf:params:aws:token-type:aws4_request';
    const isAccepted = isAws
      ? this.aws.callerOf(token)?.target === this.audience
      : token === this.acceptsToken;
    if (!isAccepted) return { status: 400, body: { error: 'invalid_grant', error_description: 'CANARY' } };
    const body = { access_token: 'CANARY-platform-token', expires_in: 3_599, token_type: 'Bearer' };
    return { status: 200, body };
  }

  #actAs({ pathname }: URL, body: string, authorization: string | undefined): Reply {
    if (authorization !== 'Bearer CANARY-platform-token') return googleError(401, 'x', 'UNAUTHENTICATED');
    const asked = JSON.parse(body) as Record<string, unknown>;
    const account = `/v1/projects/-/serviceAccounts/${this.serviceAccount}`;
    if (pathname === `${account}:signJwt`) {
      const payload = Buffer.from(String(asked['payload'])).toString('base64url');
      return { status: 200, body: { keyId: 'k', signedJwt: `e30.${payload}.${sign(payload)}` } };
    }
    if (pathname !== `${account}:generateAccessToken`) return googleError(404, 'x', 'NOT_FOUND');
    const end = this.#clock.nowMilliseconds() + this.tokenLifetimeSeconds * 1_000;
    return { status: 200, body: { accessToken: this.#issue(), expireTime: new Date(end).toISOString() } };
  }

  #delegate(form: URLSearchParams): Reply {
    const [, payload = '', signature] = (form.get('assertion') ?? '').split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const now = this.#clock.nowSeconds();
    const isGood =
      signature === sign(payload) &&
      claims['aud'] === 'https://oauth2.googleapis.com/token' &&
      claims['iss'] === this.serviceAccount &&
      claims['iat'] === now &&
      claims['exp'] === now + 3_600;
    if (!isGood || claims['sub'] !== this.admin) return { status: 400, body: { error: 'invalid_grant' } };
    const token = this.#issue();
    return {
      status: 200,
      body: { access_token: token, expires_in: this.tokenLifetimeSeconds, token_type: 'Bearer' },
    };
  }

  #issue(): string {
    const token = `CANARY-directory-token-${this.#tokens.size + this.requests.length}`;
    this.#tokens.add(token);
    return token;
  }
}

interface Asked {
  readonly url: URL;
  readonly body: string;
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
}

function sign(payload: string): string {
  return createHmac('sha256', 'key of Google').update(payload).digest('base64url');
}
