import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { JWK } from 'jose';

import type { ClientKey, KeyCertificate } from '../../services/identity/client-credential.ts';
import { ValueProblem } from './setting.ts';

/** A key as it is written. */
export interface WrittenKey extends ClientKey {
  /** Whether its text says so, and not what the kind of key has for a default. */
  readonly isAlgorithmChosen: boolean;
}

const minRsaBits = 2048;
const fix = 'generate one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256';

/** The algorithms that a key can sign with; the first is the default. */
const algorithmsOfRsa = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const algorithmOfCurve: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

/**
 * Reads a private key: PEM (PKCS #8, PKCS #1, SEC 1) without a passphrase, with or without its certificate, or a JWK,
 * whose `kid`, `alg` and `x5c` are kept.
 * @throws ValueProblem, in which nothing of the key is
 */
export function parseClientKey(text: string): WrittenKey {
  const { key, kid, alg, certificate } = text.trimStart().startsWith('{') ? readJwk(text) : readPem(text);
  const algorithms = findAlgorithms(key);
  const [usual = ''] = algorithms;
  if (alg !== undefined && !algorithms.includes(alg)) {
    throw new ValueProblem('names an alg that its key cannot sign with', `use ${algorithms.join(', ')}`);
  }
  return {
    jwk: key.export({ format: 'jwk' }),
    algorithm: alg ?? usual,
    isAlgorithmChosen: alg !== undefined,
    keyId: kid,
    certificate: certificate && describeCertificate(certificate, key),
  };
}

/** What the key of a parsed one can sign with. */
export function algorithmsOf({ jwk, algorithm }: ClientKey): readonly string[] {
  return jwk.kty === 'RSA' ? algorithmsOfRsa : [algorithm];
}

interface ReadKey {
  readonly key: KeyObject;
  readonly kid?: string | undefined;
  readonly alg?: string | undefined;
  readonly certificate?: X509Certificate | undefined;
}

function readPem(text: string): ReadKey {
  // Certificates first would be taken for the key.
  const [block] = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(text) ?? [];
  return {
    key: readPemKey(text.replaceAll(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g, '')),
    certificate: block === undefined ? undefined : readCertificate(block),
  };
}

function readPemKey(text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    throw new ValueProblem('is no private key in PEM, nor a JWK', fix);
  }
}

function readJwk(text: string): ReadKey {
  const { key, jwk } = readJwkKey(text);
  const chain: unknown = Reflect.get(jwk, 'x5c');
  const [own]: unknown[] = Array.isArray(chain) ? chain : [];
  return {
    key,
    kid: readText(jwk, 'kid'),
    alg: readText(jwk, 'alg'),
    certificate: typeof own === 'string' ? readCertificate(Buffer.from(own, 'base64')) : undefined,
  };
}

function readJwkKey(text: string): { readonly key: KeyObject; readonly jwk: object } {
  try {
    const jwk: unknown = JSON.parse(text);
    // Whatever it is: what is no key is refused there.
    return { key: createPrivateKey({ key: jwk as JWK, format: 'jwk' }), jwk: jwk as JWK };
  } catch {
    throw new ValueProblem('is no private JWK', fix);
  }
}

function readText(jwk: object, name: 'kid' | 'alg'): string | undefined {
  const value: unknown = Reflect.get(jwk, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function readCertificate(text: string | Buffer): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    const give = 'give it in PEM, between BEGIN CERTIFICATE and END CERTIFICATE';
    throw new ValueProblem('has a certificate that cannot be read', give);
  }
}

/** Thumbprints as RFC 7515 §4.1.7 and §4.1.8 have them. */
function describeCertificate(certificate: X509Certificate, key: KeyObject): KeyCertificate {
  if (!certificate.checkPrivateKey(key)) {
    const put = 'put its own certificate first, and those that vouch for it after it';
    throw new ValueProblem('has the certificate of another key beside it', put);
  }
  const thumbprint = (algorithm: string): string =>
    createHash(algorithm).update(certificate.raw).digest('base64url');
  return {
    sha256: thumbprint('sha256'),
    sha1: thumbprint('sha1'),
    expiresAt: Math.floor(certificate.validToDate.getTime() / 1000),
  };
}

function findAlgorithms({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  if (asymmetricKeyType === 'ed25519') return ['EdDSA'];
  if (asymmetricKeyType === 'rsa') {
    if ((asymmetricKeyDetails?.modulusLength ?? 0) >= minRsaBits) return algorithmsOfRsa;
    throw new ValueProblem('is an RSA key of fewer than 2048 bits', fix);
  }
  const algorithm = algorithmOfCurve[asymmetricKeyDetails?.namedCurve ?? ''];
  if (asymmetricKeyType === 'ec' && algorithm !== undefined) return [algorithm];
  throw new ValueProblem('is a key of a kind that nobody verifies', fix);
}
