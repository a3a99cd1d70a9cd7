import { createHmac } from 'node:crypto';

import { calculateJwkThumbprint } from 'jose';
import { describe, expect, it } from 'vitest';

import {
  createProvingKey,
  encode,
  hashToken,
  type KeyKind,
  type ProvingKey,
  signProof,
} from '../../../test/support/key-proofs.ts';
import { createProofCheck, type ProvenRequest } from './proof.ts';

const now = 1_800_000_000;
const uri = 'https://gatehouse.test/mcp';
const request: ProvenRequest = { method: 'POST', uri };
const claims = { htm: 'POST', htu: uri, iat: now };
const key = createProvingKey();
const check = createProofCheck();

const judge = (proof: string, asked: ProvenRequest = request): unknown => check(proof, asked, now);
const refused = (problem: string): unknown => ({ outcome: 'refused', problem });

/** A proof that is good but for these claims. */
const claiming = (changes: Readonly<Record<string, unknown>>): string =>
  signProof(key, { claims: { ...claims, ...changes } });

/** A proof that is good but for these members of its header. */
const headed = (header: Readonly<Record<string, unknown>>, by: ProvingKey = key): string =>
  signProof(by, { claims, header });

describe('a DPoP proof (RFC 9449 §4.3)', () => {
  it.each(['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256'] satisfies KeyKind[])(
    'proves a key by %s',
    async (algorithm) => {
      const proving = createProvingKey(algorithm);
      const verdict = judge(signProof(proving, { claims }));
      const keyThumbprint = await calculateJwkThumbprint(proving.publicJwk);
      expect(verdict).toEqual({ outcome: 'proven', keyThumbprint, id: expect.any(String), issuedAt: now });
      // The second time by the key that is kept open.
      expect(judge(signProof(proving, { claims }))).toMatchObject({ outcome: 'proven', keyThumbprint });
    },
  );

  it('has an id of its own, by key and jti alone', () => {
    const ids = [
      signProof(key, { claims: { ...claims, jti: 'one' } }),
      signProof(key, { claims: { ...claims, jti: 'one', iat: now - 1 } }),
      signProof(key, { claims: { ...claims, jti: 'two' } }),
      signProof(createProvingKey(), { claims: { ...claims, jti: 'one' } }),
    ].map((proof) => (judge(proof) as { readonly id: string }).id);
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(3);
  });

  it.each([
    ['another type', headed({ typ: 'JWT' })],
    ['no type', headed({ typ: undefined })],
    ['a critical extension', headed({ crit: ['b64'], b64: true })],
    ['no key', headed({ jwk: undefined })],
    ['a list for a key', headed({ jwk: [key.publicJwk] })],
    ['the private key', headed({ jwk: key.privateJwk })],
    ['a private member that says nothing', headed({ jwk: { ...key.publicJwk, d: null } })],
    ['a symmetric key', headed({ alg: 'HS256', jwk: { kty: 'oct', k: 'c2VjcmV0' } })],
    ['a kind of key named like a method', headed({ jwk: { kty: 'constructor' } })],
    ['a curve that is not for it', headed({ jwk: { ...key.publicJwk, crv: 'P-384' } })],
    ['a point off the curve', headed({ jwk: { ...key.publicJwk, y: key.publicJwk['x'] } })],
    ['an algorithm of another kind of key', headed({ alg: 'RS256' })],
    ['an algorithm that nobody named', headed({ alg: 'ES384' })],
    ['no algorithm', headed({ alg: 'none' })],
    ['a key that is too weak', headed({}, createProvingKey('RS256', 1024))],
    ['no id', claiming({ jti: undefined })],
    ['an empty id', claiming({ jti: '' })],
    ['an id that is too long', claiming({ jti: 'x'.repeat(257) })],
    ['no time', claiming({ iat: undefined })],
    ['a text for a time', claiming({ iat: String(now) })],
    ['two proofs, joined by a comma', `${claiming({})}, ${claiming({})}`],
    ['no signature', claiming({}).split('.').slice(0, 2).join('.')],
    ['an empty signature', `${claiming({}).split('.').slice(0, 2).join('.')}.`],
    ['a fourth part', `${claiming({})}.e30`],
    ['claims that are no object', `${encode({ alg: 'ES256' })}.${encode(['x'])}.AA`],
    ['nothing', ''],
    ['something endless', `${'A'.repeat(9000)}.AA.AA`],
  ])('with %s is none', (_what, proof) => {
    expect(judge(proof)).toEqual(refused('malformed'));
  });

  it('signed with the public key for a secret is none', () => {
    const header = { typ: 'dpop+jwt', alg: 'HS256', jwk: key.publicJwk };
    const signed = `${encode(header)}.${encode({ ...claims, jti: 'x' })}`;
    const mac = createHmac('sha256', JSON.stringify(key.publicJwk)).update(signed).digest('base64url');
    expect(judge(`${signed}.${mac}`)).toEqual(refused('malformed'));
  });

  it('signed by another key than it shows proves nothing', () => {
    expect(judge(headed({ jwk: createProvingKey().publicJwk }))).toEqual(refused('signature'));
  });

  it('altered after it was signed proves nothing', () => {
    const [header, , signature] = claiming({}).split('.');
    expect(judge(`${header}.${encode({ ...claims, jti: 'other' })}.${signature}`)).toEqual(
      refused('signature'),
    );
  });

  it.each([
    ['another method', { htm: 'GET' }],
    ['the method in small letters', { htm: 'post' }],
    ['no method', { htm: undefined }],
    ['no URI', { htu: undefined }],
    ['a list of URIs', { htu: [uri] }],
    ['another path', { htu: 'https://gatehouse.test/other' }],
    ['a slash more', { htu: `${uri}/` }],
    ['a path in capitals', { htu: 'https://gatehouse.test/MCP' }],
    ['another host', { htu: 'https://evil.test/mcp' }],
    ['a host that begins like ours', { htu: 'https://gatehouse.test.evil.test/mcp' }],
    ['our host as a user', { htu: 'https://gatehouse.test@evil.test/mcp' }],
    ['a user at our host', { htu: 'https://user@gatehouse.test/mcp' }],
    ['another port', { htu: 'https://gatehouse.test:8443/mcp' }],
    ['another scheme', { htu: 'http://gatehouse.test/mcp' }],
    ['a path alone', { htu: '/mcp' }],
    ['backslashes', { htu: String.raw`https:\\gatehouse.test\mcp` }],
    ['a tab inside', { htu: 'https://gatehouse.test/m\tcp' }],
    ['a blank in front', { htu: ` ${uri}` }],
  ])('of %s is for another request', (_what, changes) => {
    expect(judge(claiming(changes))).toEqual(refused('request'));
  });

  it.each([
    `${uri}?session=1`,
    `${uri}#part`,
    'HTTPS://GateHouse.Test/mcp',
    'https://gatehouse.test:443/mcp',
    'https://gatehouse.test/x/../mcp',
  ])('may spell its URI %s', (htu) => {
    expect(judge(claiming({ htu }))).toMatchObject({ outcome: 'proven' });
  });

  it('may spell an escape in either case', () => {
    const asked = { method: 'POST', uri: `${uri}/%C3%A9` };
    expect(judge(claiming({ htu: `${uri}/%c3%a9` }), asked)).toMatchObject({ outcome: 'proven' });
  });

  it.each([{ iat: now - 60 }, { iat: now + 60 }, { iat: now - 0.5 }, { exp: now - 59 }, { nbf: now + 60 }])(
    'is good at %j',
    (changes) => {
      expect(judge(claiming(changes))).toMatchObject({ outcome: 'proven' });
    },
  );

  it.each([
    { iat: now - 61 },
    { iat: now + 61 },
    { iat: now * 1000 },
    { exp: now - 60 },
    { exp: 'never' },
    { nbf: now + 61 },
    { nbf: null },
  ])('is stale at %j', (changes) => {
    expect(judge(claiming(changes))).toEqual(refused('stale'));
  });

  it.each([undefined, '', hashToken('another'), 'token'])(
    'beside a token that it hashes as %j is for another one',
    (ath) => {
      expect(judge(claiming({ ath }), { ...request, accessToken: 'token' })).toEqual(refused('token'));
    },
  );

  it('beside its token is good', () => {
    const proof = claiming({ ath: hashToken('token') });
    expect(judge(proof, { ...request, accessToken: 'token' })).toMatchObject({ outcome: 'proven' });
  });

  it('of another key than the expected one is told so before any signature is looked at', () => {
    const other = createProvingKey();
    const forged = headed({ jwk: other.publicJwk });
    const asked = { ...request, keyThumbprint: key.thumbprint };
    expect(judge(forged, asked)).toEqual(refused('key'));
    expect(judge(signProof(other, { claims }), asked)).toEqual(refused('key'));
    expect(judge(claiming({}), asked)).toMatchObject({ outcome: 'proven' });
  });
});
