import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { FakeClock } from '../fake-clock.ts';

type Json = Readonly<Record<string, unknown>>;

/** An authorization server of somebody else: publishes keys, signs tokens, and answers about opaque ones. */
export interface TokenIssuer {
  readonly issuer: string;
  readonly origin: string;
  /** The keys it publishes now. */
  keys: readonly IssuerKey[];
  /** In place of the usual answer to a path: a status and a body. */
  readonly answers: Map<string, { readonly status: number; readonly body: string; readonly type?: string }>;
  /** What it says about an opaque token. */
  readonly opaque: Map<string, Json>;
  /** Requests, as `METHOD path`. */
  readonly requests: string[];
  /** Of the questions about tokens. */
  readonly questions: { readonly authorization: string | undefined; readonly body: string }[];
  /** Whether questions stay unanswered until this resolves. */
  held: Promise<void> | undefined;
  /** Claims of a good token. */
  claims(changes?: Json): Json;
  /** A good token, but for the changes. */
  issue(changes?: Json, header?: Json): string;
  close(): Promise<void>;
}

export interface IssuerKey {
  readonly id: string;
  readonly algorithm: 'RS256' | 'ES256';
  readonly privateKey: KeyObject;
  readonly jwk: Json;
}

export const audience = 'https://gatehouse.test/notes';
export const introspectionSecret = 'introspection+secret%of:gatehouse';

export function makeKey(id: string, algorithm: IssuerKey['algorithm'] = 'ES256'): IssuerKey {
  const { privateKey, publicKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: id, alg: algorithm, use: 'sig' };
  return { id, algorithm, privateKey, jwk };
}

/** Joins and signs, whatever it is that is said. */
export function signJwt(header: Json | string, claims: Json | string, key: KeyObject | string): string {
  const encode = (part: Json | string): string =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
  const signed = `${encode(header)}.${encode(claims)}`;
  if (typeof key === 'string') {
    const alg = /HS(256|384|512)/.exec(typeof header === 'string' ? header : String(header['alg']))?.[1];
    return `${signed}.${createHmac(`sha${alg ?? '256'}`, key)
      .update(signed)
      .digest('base64url')}`;
  }
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

export async function startTokenIssuer(clock: FakeClock): Promise<TokenIssuer> {
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    issuer.requests.push(`${request.method ?? ''} ${path}`);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { authorization } = request.headers;
      if (path === '/introspect') issuer.questions.push({ authorization, body });
      const answer = issuer.answers.get(path) ?? answerUsually(path, body);
      void (path === '/introspect' ? issuer.held : undefined)?.then(() => send(answer));
      if (path !== '/introspect' || issuer.held === undefined) send(answer);
    });
    const send = (answer: { status: number; body: string; type?: string }): void => {
      response.writeHead(answer.status, { 'content-type': answer.type ?? 'application/json' });
      response.end(answer.body);
    };
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const first = makeKey('first');

  function answerUsually(path: string, body: string): { status: number; body: string } {
    const say = (value: unknown): { status: number; body: string } => ({
      status: 200,
      body: JSON.stringify(value),
    });
    if (path === '/.well-known/openid-configuration') {
      return say({ issuer: origin, jwks_uri: `${origin}/keys` });
    }
    if (path === '/keys') return say({ keys: issuer.keys.map(({ jwk }) => jwk) });
    if (path === '/introspect') {
      return say(issuer.opaque.get(new URLSearchParams(body).get('token') ?? '') ?? { active: false });
    }
    return { status: 404, body: '{}' };
  }

  const issuer: TokenIssuer = {
    issuer: origin,
    origin,
    keys: [first],
    answers: new Map(),
    opaque: new Map(),
    requests: [],
    questions: [],
    held: undefined,
    claims: (changes = {}) => ({
      iss: origin,
      aud: audience,
      sub: 'alice',
      client_id: 'their-client',
      email: 'alice@example.com',
      email_verified: true,
      groups: ['staff'],
      scope: 'notes:read',
      iat: clock.nowSeconds(),
      exp: clock.nowSeconds() + 3600,
      jti: 'one',
      ...changes,
    }),
    issue(changes = {}, header = {}) {
      const [key = first] = issuer.keys;
      const head = { typ: 'at+jwt', alg: key.algorithm, kid: key.id, ...header };
      return signJwt(head, issuer.claims(changes), key.privateKey);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return issuer;
}
