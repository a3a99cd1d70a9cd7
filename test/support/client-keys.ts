import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';

import { type JWTHeaderParameters, SignJWT } from 'jose';

import type { FakeClock } from './fake-clock.ts';

/** A key pair of a client, and the public half as it publishes it. */
export interface ClientKeyPair {
  readonly privateKey: KeyObject;
  readonly jwk: Record<string, unknown>;
  readonly algorithm: string;
}

export function createClientKey(algorithm = 'ES256', members: Record<string, unknown> = {}): ClientKeyPair {
  const { privateKey, publicKey } = generate(algorithm);
  return { privateKey, algorithm, jwk: { ...publicKey.export({ format: 'jwk' }), ...members } };
}

function generate(algorithm: string): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  switch (algorithm) {
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'EdDSA':
      return generateKeyPairSync('ed25519');
    default:
      return rsa();
  }
}

let rsaPair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } | undefined;

/** One for the whole file: they take a while to make. */
function rsa(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  rsaPair ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  return rsaPair;
}

export interface AssertionOptions {
  readonly clock: FakeClock;
  readonly clientId: string;
  readonly audience: string | readonly string[];
  /** Over the usual ones; `undefined` leaves one out. */
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
}

/** An assertion as a good client signs it. */
export async function signAssertion(key: ClientKeyPair, options: AssertionOptions): Promise<string> {
  const now = options.clock.nowSeconds();
  const claims = {
    iss: options.clientId,
    sub: options.clientId,
    aud: options.audience,
    iat: now,
    exp: now + 300,
    jti: randomUUID(),
    ...options.claims,
  };
  const header = { alg: key.algorithm, typ: 'JWT', ...options.header };
  return new SignJWT(withoutUndefined(claims))
    .setProtectedHeader(withoutUndefined(header) as unknown as JWTHeaderParameters)
    .sign(key.privateKey);
}

/** A token of whatever header and claims, signed by whoever is given. */
export function forgeAssertion(
  header: Record<string, unknown>,
  claims: Record<string, unknown>,
  sign: (input: string) => string = () => '',
): string {
  const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${sign(input)}`;
}

/** The public half as the PEM text that an attacker takes for a secret. */
export function publicPem({ jwk }: ClientKeyPair): string {
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
}

export function assertionFields(assertion: string): Record<string, string> {
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  };
}

function withoutUndefined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
