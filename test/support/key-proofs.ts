import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  type SignKeyObjectInput,
} from 'node:crypto';

type Json = Readonly<Record<string, unknown>>;

/** A key pair of a client, with which it proves itself. */
export interface ProvingKey {
  readonly algorithm: string;
  readonly publicJwk: Json;
  readonly privateJwk: Json;
  readonly privateKey: KeyObject;
  readonly thumbprint: string;
}

export type KeyKind = 'ES256' | 'EdDSA' | 'Ed25519' | 'PS256' | 'RS256';

const thumbprintMembers = ['crv', 'e', 'kty', 'n', 'x', 'y'];

export function createProvingKey(algorithm: KeyKind = 'ES256', modulusLength = 2048): ProvingKey {
  const { publicKey, privateKey } = generatePair(algorithm, modulusLength);
  const publicJwk: Json = { ...publicKey.export({ format: 'jwk' }) };
  const members = Object.fromEntries(
    thumbprintMembers.flatMap((name) => (publicJwk[name] === undefined ? [] : [[name, publicJwk[name]]])),
  );
  const thumbprint = createHash('sha256').update(JSON.stringify(members)).digest('base64url');
  const privateJwk: Json = { ...privateKey.export({ format: 'jwk' }) };
  return { algorithm, publicJwk, privateJwk, privateKey, thumbprint };
}

function generatePair(algorithm: KeyKind, modulusLength: number) {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (algorithm === 'EdDSA' || algorithm === 'Ed25519') return generateKeyPairSync('ed25519');
  return generateKeyPairSync('rsa', { modulusLength });
}

export interface ProofContent {
  /** Claims; one that is undefined is left out. */
  readonly claims: Json;
  /** Over those of a good header. */
  readonly header?: Json;
}

/** A proof of this key: good, as far as the content is. */
export function signProof(key: ProvingKey, { claims, header = {} }: ProofContent): string {
  const whole = { typ: 'dpop+jwt', alg: key.algorithm, jwk: key.publicJwk, ...header };
  const signed = `${encode(whole)}.${encode({ jti: randomUUID(), ...claims })}`;
  const digest = key.algorithm.startsWith('Ed') ? null : 'sha256';
  const how: SignKeyObjectInput = { key: key.privateKey, dsaEncoding: 'ieee-p1363' };
  const padded = key.algorithm === 'PS256' ? { ...how, padding: 6, saltLength: 32 } : how;
  return `${signed}.${sign(digest, Buffer.from(signed), padded).toString('base64url')}`;
}

export function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** What a proof says of the access token beside it. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
