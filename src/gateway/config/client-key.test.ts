import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { createSelfSigned } from '../../../test/support/certificates.ts';
import { parseClientKey } from './client-key.ts';
import { ValueProblem } from './setting.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = (key: typeof ec.privateKey): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const jwk = (key: typeof ec.privateKey, more: object = {}): string =>
  JSON.stringify({ ...key.export({ format: 'jwk' }), ...more });

describe('parseClientKey', () => {
  it.each([
    ['P-256', ec.privateKey, 'ES256'],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'ES384'],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey, 'ES512'],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey, 'EdDSA'],
    ['RSA', rsa.privateKey, 'RS256'],
  ])('takes a key of %s as PEM and as JWK', (_what, key, algorithm) => {
    const expected = {
      jwk: key.export({ format: 'jwk' }),
      algorithm,
      isAlgorithmChosen: false,
      keyId: undefined,
      certificate: undefined,
    };
    expect(parseClientKey(pem(key))).toEqual(expected);
    expect(parseClientKey(jwk(key))).toEqual(expected);
  });

  it('takes kid and alg of a JWK, and nothing else beside the key', () => {
    const text = jwk(rsa.privateKey, { kid: 'one', alg: 'PS256', use: 'sig', key_ops: ['sign'] });
    expect(parseClientKey(text)).toEqual({
      jwk: rsa.privateKey.export({ format: 'jwk' }),
      algorithm: 'PS256',
      isAlgorithmChosen: true,
      keyId: 'one',
      certificate: undefined,
    });
  });

  it('takes the certificate of a key beside it, before or behind, and that of a JWK', () => {
    const certified = createSelfSigned();
    const { raw, fingerprint256, fingerprint, validToDate } = new X509Certificate(certified.cert);
    const encode = (hex: string): string => Buffer.from(hex.replaceAll(':', ''), 'hex').toString('base64url');
    const certificate = {
      sha256: encode(fingerprint256),
      sha1: encode(fingerprint),
      expiresAt: validToDate.getTime() / 1000,
    };
    const ofJwk = jwk(createPrivateKey(certified.key), { x5c: [raw.toString('base64')] });
    for (const text of [certified.key + certified.cert, certified.cert + certified.key, ofJwk]) {
      expect(parseClientKey(text)).toMatchObject({ algorithm: 'ES256', certificate });
    }
  });

  it.each([
    ['of another key', createSelfSigned().cert, 'has the certificate of another key beside it'],
    [
      'that is none',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'has a certificate that cannot be read',
    ],
  ])('refuses a certificate %s', (_what, certificate, problem) => {
    expect(() => parseClientKey(pem(ec.privateKey) + certificate)).toThrow(problem);
  });

  it.each([
    ['nothing of the sort', 'my-secret-value'],
    ['a public key', ec.publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['a public JWK', JSON.stringify(ec.publicKey.export({ format: 'jwk' }))],
    ['a symmetric JWK', '{"kty":"oct","k":"my-secret-value"}'],
    ['broken JSON', '{"kty":"EC","d":"my-secret-value"'],
    ['an alg of another key', jwk(ec.privateKey, { alg: 'RS256' })],
    ['an alg that signs nothing', jwk(ec.privateKey, { alg: 'none' })],
    ['a short RSA key', pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)],
    ['a curve that nobody verifies', pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey)],
    ['a key for agreement', pem(generateKeyPairSync('x25519').privateKey)],
    [
      'an encrypted key',
      ec.privateKey
        .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'my-secret-value' })
        .toString(),
    ],
  ])('refuses %s, and repeats nothing of it', (_what, text) => {
    const error: unknown = (() => {
      try {
        return parseClientKey(text);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ValueProblem);
    const { problem, fix } = error as ValueProblem;
    expect(problem + fix).not.toContain('my-secret-value');
  });
});
