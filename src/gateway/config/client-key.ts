import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';

import type { ClientKey } from '../../services/identity/client-credential.ts';
import { ValueProblem } from './setting.ts';

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
 * Reads a private key: PEM (PKCS #8, PKCS #1, SEC 1) without a passphrase, or a JWK, whose `kid` and `alg` are kept.
 * @throws ValueProblem, in which nothing of the key is
 */
export function parseClientKey(text: string): ClientKey {
  const { key, kid, alg } = text.trimStart().startsWith('{') ? readJwk(text) : readPem(text);
  const algorithms = findAlgorithms(key);
  const [usual = ''] = algorithms;
  if (alg !== undefined && !algorithms.includes(alg)) {
    throw new ValueProblem('names an alg that its key cannot sign with', `use ${algorithms.join(', ')}`);
  }
  return { jwk: key.export({ format: 'jwk' }), algorithm: alg ?? usual, keyId: kid };
}

interface ReadKey {
  readonly key: KeyObject;
  readonly kid?: string | undefined;
  readonly alg?: string | undefined;
}

function readPem(text: string): ReadKey {
  try {
    return { key: createPrivateKey(text) };
  } catch {
    throw new ValueProblem('is no private key in PEM, nor a JWK', fix);
  }
}

function readJwk(text: string): ReadKey {
  try {
    const jwk: unknown = JSON.parse(text);
    // Whatever it is: what is no key is refused there.
    const key = createPrivateKey({ key: jwk as JWK, format: 'jwk' });
    return { key, kid: readText(jwk, 'kid'), alg: readText(jwk, 'alg') };
  } catch {
    throw new ValueProblem('is no private JWK', fix);
  }
}

function readText(jwk: unknown, name: 'kid' | 'alg'): string | undefined {
  const value: unknown = typeof jwk === 'object' && jwk !== null ? Reflect.get(jwk, name) : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
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
