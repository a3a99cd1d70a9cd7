import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { FakeClock } from './fake-clock.ts';
import { postForm } from './flow.ts';
import { createTestGatehouse, type TestGatehouse } from './gatehouse.ts';
import {
  answerJson,
  clientUrl,
  describeDocument,
  type MetadataHosts,
  startMetadataHosts,
} from './metadata-hosts.ts';

export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

type SigningKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

/** An identity provider of an enterprise on a real socket: it publishes keys, and signs what a test wants. */
export interface EnterpriseIssuer {
  readonly issuer: string;
  /** Status of every answer; 200 unless told otherwise. */
  status: number;
  readonly requests: string[];
  /** A new key in place of the present one, published at once. */
  rotate(): Promise<void>;
  sign(payload: JWTPayload, header?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

export async function startEnterpriseIssuer(): Promise<EnterpriseIssuer> {
  let keyNumber = 0;
  let key: SigningKey;
  let published: object;
  const server: Server = createServer((request, response) => {
    issuer.requests.push(request.url ?? '');
    const { issuer: name } = issuer;
    const body = request.url === '/keys' ? published : { issuer: name, jwks_uri: `${name}/keys` };
    response.writeHead(issuer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const rotate = async (): Promise<void> => {
    keyNumber += 1;
    const pair = await generateKeyPair('ES256');
    key = pair.privateKey;
    published = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: `key-${keyNumber}`, use: 'sig' }] };
  };
  await rotate();
  const issuer: EnterpriseIssuer = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    status: 200,
    requests: [],
    rotate,
    sign: (payload, header = {}) =>
      new SignJWT(payload)
        .setProtectedHeader({ alg: 'ES256', typ: 'oauth-id-jag+jwt', kid: `key-${keyNumber}`, ...header })
        .sign(key),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return issuer;
}

export interface EnterpriseHouseOptions {
  readonly env?: Record<string, string | undefined>;
  /** Of the entry in `trusted_issuers`. */
  readonly entry?: Record<string, unknown>;
  /** Beside the one that is meant by who names none. */
  readonly furtherMount?: Record<string, unknown>;
  /** Of the mount. */
  readonly mount?: Record<string, unknown>;
  readonly store?: Store;
  readonly clock?: FakeClock;
  readonly issuer?: EnterpriseIssuer;
  /** Of the client's metadata document. */
  readonly document?: Record<string, unknown>;
}

/** A gatehouse that trusts an issuer, and the client that comes with its assertions: known by a document, with a key. */
export interface EnterpriseHouse {
  readonly gatehouse: TestGatehouse;
  readonly issuer: EnterpriseIssuer;
  readonly hosts: MetadataHosts;
  /** A good ID-JAG with some claims changed; `undefined` leaves one out. */
  assert(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** Presents it with the client's own credential. */
  exchange(assertion: string, form?: Record<string, string>): Promise<Response>;
  /** The parameters with which the client authenticates itself, good once. */
  authenticate(): Promise<Record<string, string>>;
  close(): Promise<void>;
}

let signed = 0;

export async function startEnterpriseHouse(options: EnterpriseHouseOptions = {}): Promise<EnterpriseHouse> {
  const clock = options.clock ?? new FakeClock();
  const hosts = await startMetadataHosts();
  const issuer = options.issuer ?? (await startEnterpriseIssuer());
  const pair = await generateKeyPair('ES256');
  const keys = [{ ...(await exportJWK(pair.publicKey)), kid: 'client-key' }];
  hosts.answer = answerJson(
    describeDocument({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys },
      ...options.document,
    }),
  );
  const file = {
    mounts: [
      { name: 'files', url: '/mcp', upstream: 'http://127.0.0.1:9/mcp', default: true, ...options.mount },
      ...(options.furtherMount === undefined ? [] : [options.furtherMount]),
    ],
    trusted_issuers: [{ issuer: issuer.issuer, clients: [clientUrl], ...options.entry }],
  };
  const gatehouse = await createTestGatehouse({
    file: JSON.stringify(file),
    network: hosts,
    clock,
    store: options.store ?? createMemoryStore({ clock }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const nextId = (): string => `id-${(signed += 1)}`;
  const authenticate = async (): Promise<Record<string, string>> => {
    const now = clock.nowSeconds();
    const claims = {
      iss: clientUrl,
      sub: clientUrl,
      aud: gatehouse.publicUrl,
      exp: now + 60,
      iat: now,
      jti: nextId(),
    };
    const signer = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'client-key' });
    return { client_assertion_type: assertionType, client_assertion: await signer.sign(pair.privateKey) };
  };
  return {
    gatehouse,
    issuer,
    hosts,
    authenticate,
    assert: (claims = {}, header = {}) => {
      const now = clock.nowSeconds();
      const whole = {
        iss: issuer.issuer,
        sub: 'alice',
        aud: gatehouse.publicUrl,
        client_id: clientUrl,
        jti: nextId(),
        iat: now,
        exp: now + 300,
        email: 'alice@example.com',
        email_verified: true,
        resource: gatehouse.resource,
        ...claims,
      };
      return issuer.sign(whole, header);
    },
    exchange: async (assertion, form = {}) =>
      postForm(gatehouse, '/token', {
        grant_type: jwtBearer,
        assertion,
        ...(await authenticate()),
        ...form,
      }),
    async close() {
      await gatehouse.close();
      await hosts.close();
      if (options.issuer === undefined) await issuer.close();
    },
  };
}
