import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

import type { OutboundNetwork } from '../../../src/platform/outbound/outbound-network.ts';
import type { FakeClock } from '../fake-clock.ts';
import { makeKey, signJwt } from './token-issuer.ts';

/** What a platform answers in place of a token. */
export interface OddAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The places where Google Cloud, Azure and GitHub Actions give tokens to what runs on them, on one loopback port.
 *
 * Facts written down from memory of the documents named, not recorded; check one before you build on it.
 * - cloud.google.com, "Verify VM identity": `/computeMetadata/v1/instance/service-accounts/default/identity` with the
 *   query `audience` and `format`; only for requests with `Metadata-Flavor: Google`, which answers have, too; plain text
 * - learn.microsoft.com, "How to use managed identities on an Azure VM to acquire an access token":
 *   `/metadata/identity/oauth2/token` with `api-version`, `resource` and `client_id`; only with `Metadata: true` and
 *   without `X-Forwarded-For`; JSON with `access_token` and `expires_in` as text
 * - docs.github.com, "OpenID Connect reference": `ACTIONS_ID_TOKEN_REQUEST_URL` has a query, to which `&audience=` is
 *   added; `Authorization: Bearer`; JSON with `value`
 */
export interface TestPlatform {
  /** Leads the address of metadata services here, and nothing else anywhere. */
  readonly network: OutboundNetwork;
  /** Addresses that were dialled. */
  readonly dialled: string[];
  readonly requests: { readonly url: string; readonly headers: IncomingHttpHeaders }[];
  /** Of the environment of a job. */
  readonly actions: { readonly url: string; readonly token: string };
  /** Given from now on in place of tokens. */
  odd: OddAnswer | undefined;
  /** Of tokens from now on, in seconds; negative: they are over. */
  lifetimeSeconds: number;
  /** Whether questions stay unanswered until this resolves. */
  held: Promise<void> | undefined;
  readonly issued: string[];
  close(): Promise<void>;
}

const googlePath = '/computeMetadata/v1/instance/service-accounts/default/identity';
const azurePath = '/metadata/identity/oauth2/token';
const actionsPath = '/actions/idtoken';

export async function startPlatform(clock: FakeClock): Promise<TestPlatform> {
  const key = makeKey('platform');
  const actionsToken = 'CANARY-request-token-of-the-job';
  const server = createServer((request, response) => {
    const { url: path = '', headers } = request;
    platform.requests.push({ url: path, headers });
    const url = new URL(path, 'http://platform');
    void (platform.held ?? Promise.resolve()).then(() => answer(url, headers, response));
  });

  function issue(audience: string | null): string {
    const now = clock.nowSeconds();
    const claims = { iss: 'https://platform.test', sub: 'gatehouse', aud: audience, iat: now };
    const exp = now + platform.lifetimeSeconds;
    const token = signJwt(
      { alg: 'ES256', typ: 'JWT' },
      { ...claims, exp, jti: platform.issued.length },
      key.privateKey,
    );
    platform.issued.push(token);
    return token;
  }

  function answer(url: URL, headers: IncomingHttpHeaders, response: ServerResponse): void {
    const say = (status: number, body: string, more: Readonly<Record<string, string>> = {}): void => {
      response.writeHead(status, more).end(body);
    };
    if (platform.odd !== undefined) return say(platform.odd.status, platform.odd.body, platform.odd.headers);
    const { pathname, searchParams } = url;
    if (headers['x-forwarded-for'] !== undefined) return say(400, 'forwarded');
    if (pathname === googlePath && headers['metadata-flavor'] === 'Google') {
      return say(200, issue(searchParams.get('audience')), { 'metadata-flavor': 'Google' });
    }
    if (pathname === azurePath && headers['metadata'] === 'true' && searchParams.has('api-version')) {
      const access_token = issue(searchParams.get('resource'));
      return say(200, JSON.stringify({ access_token, expires_in: '86399', token_type: 'Bearer' }));
    }
    if (pathname === actionsPath && headers.authorization === `Bearer ${actionsToken}`) {
      return say(200, JSON.stringify({ count: 1, value: issue(searchParams.get('audience')) }));
    }
    return say(403, 'forbidden');
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const platform: TestPlatform = {
    network: {
      resolve: () => Promise.reject(new Error('no names in this test')),
      dial(address, at) {
        platform.dialled.push(`${address}:${at}`);
        return connect({ host: '127.0.0.1', port });
      },
    },
    dialled: [],
    requests: [],
    actions: { url: `http://127.0.0.1:${port}${actionsPath}?api-version=2.0`, token: actionsToken },
    odd: undefined,
    lifetimeSeconds: 3600,
    held: undefined,
    issued: [],
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return platform;
}
