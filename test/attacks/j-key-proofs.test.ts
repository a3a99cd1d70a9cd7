import { randomUUID } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { RefusalReason } from '../../src/protocol/refusal-reason.ts';
import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { createProvingKey, hashToken, signProof } from '../support/key-proofs.ts';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts';

type Changes = Readonly<Record<string, unknown>>;

const key = createProvingKey();
const uri = 'https://gatehouse.test/mcp';
const algs = 'algs="ES256 EdDSA Ed25519 PS256 RS256"';

describe.each(lanes)('on the %s', (_lane, lane) => {
  let path: AttackedHouse<RecordingUpstream>;
  let token: string;

  const open = async (mode: string, env: Readonly<Record<string, string>> = {}): Promise<void> => {
    path = await startAttackedHouse(await startRecordingUpstream(), { DPOP: mode, ...env, ...lane });
    token = path.issue({ keyThumbprint: key.thumbprint });
  };
  const bound = (): string => token;

  /** A proof that is good for a POST with this token, but for the changes. */
  function prove(beside: string, claims: Changes = {}, header: Changes = {}, by = key): string {
    const good = { htm: 'POST', htu: uri, iat: path.clock.nowSeconds(), ath: hashToken(beside) };
    return signProof(by, { claims: { ...good, ...claims }, header });
  }

  const call = (authorization: string, dpop?: string | readonly string[], target = '/mcp') =>
    path.call({
      bearer: null,
      target,
      headers: { authorization, ...(dpop === undefined ? {} : { dpop }) },
      body: '{}',
    });

  /** Expects a 401 with this reason, a challenge that says what is taken, and that the upstream never heard of it. */
  async function expectRefused(calling: ReturnType<typeof call>, reason: RefusalReason): Promise<string> {
    const heard = path.upstream.requests.length;
    const answer = await calling;
    const ofProof = reason === 'dpop_nonce_needed' ? 'use_dpop_nonce' : 'invalid_dpop_proof';
    const error = reason.startsWith('dpop_') ? ofProof : 'invalid_token';
    expect(answer.status).toBe(401);
    expect(path.events.at(-1)).toMatchObject({ type: 'request_refused', reason, status: 401 });
    expect(await answer.json()).toMatchObject({ error });
    const challenge = answer.headers['www-authenticate'] ?? '';
    expect(challenge).toContain(`error="${error}"`);
    expect(challenge).toContain(`resource_metadata="${path.metadataUrl}"`);
    expect(challenge).toContain(algs);
    expect(path.upstream.requests).toHaveLength(heard);
    return challenge;
  }

  beforeEach(() => open('optional'));
  afterEach(async () => {
    expect(path.internalErrors()).toEqual([]);
    await path.close();
  });

  it('a call with a proof of its key passes, and neither token nor proof goes on', async () => {
    for (const target of ['/mcp', '/mcp?x=1', '/mcp/part']) {
      const htu = `https://gatehouse.test${target.split('?', 1)[0]}`;
      const answer = await call(`DPoP ${bound()}`, prove(bound(), { htu }), target);
      expect(answer.status).toBe(200);
    }
    expect(path.upstream.requests).toHaveLength(3);
    const lines = path.upstream.requests.flatMap(({ headerLines }) => headerLines.map(([name]) => name));
    expect(lines.map((name) => name.toLowerCase())).not.toContain('dpop');
    expect(lines.map((name) => name.toLowerCase())).not.toContain('authorization');
  });

  it('a bearer token passes beside it, and a proof that it brings says nothing', async () => {
    expect((await call(`Bearer ${path.issue()}`)).status).toBe(200);
    expect((await call(`Bearer ${path.issue()}`, 'nonsense')).status).toBe(200);
  });

  describe('attack 150: a proof of a key is forged, taken over or left out', () => {
    it('comes again and is refused, on any connection', async () => {
      const proof = prove(bound());
      expect((await call(`DPoP ${bound()}`, proof)).status).toBe(200);
      for (let time = 0; time < 3; time += 1) {
        await expectRefused(call(`DPoP ${bound()}`, proof), 'dpop_proof_replayed');
      }
      path.clock.advance(30);
      await expectRefused(call(`DPoP ${bound()}`, proof), 'dpop_proof_replayed');
    });

    it('comes again with another spelling of the same id and is refused', async () => {
      const jti = randomUUID();
      expect((await call(`DPoP ${bound()}`, prove(bound(), { jti }))).status).toBe(200);
      const again = prove(bound(), { jti, iat: path.clock.nowSeconds() - 1, extra: true });
      await expectRefused(call(`DPoP ${bound()}`, again), 'dpop_proof_replayed');
    });

    it.each<readonly [string, Changes]>([
      ['another method', { htm: 'GET' }],
      ['another mount', { htu: 'https://gatehouse.test/other' }],
      ['another case of the path', { htu: 'https://gatehouse.test/Mcp' }],
      ['a slash more', { htu: `${uri}/` }],
      ['another port', { htu: 'https://gatehouse.test:444/mcp' }],
      ['the token endpoint', { htu: 'https://gatehouse.test/token' }],
      ['the address of the socket', { htu: 'http://127.0.0.1/mcp' }],
      ['another token', { ath: hashToken('another') }],
      ['no token', { ath: undefined }],
      ['no id', { jti: undefined }],
    ])('for %s is refused', async (_what, claims) => {
      await expectRefused(call(`DPoP ${bound()}`, prove(bound(), claims)), 'dpop_proof_invalid');
    });

    it('from too long ago, or from the future, is refused', async () => {
      const now = path.clock.nowSeconds();
      for (const iat of [now - 61, now + 61]) {
        await expectRefused(call(`DPoP ${bound()}`, prove(bound(), { iat })), 'dpop_proof_stale');
      }
    });

    it.each<readonly [string, Changes]>([
      ['no signature', { alg: 'none' }],
      ['a secret', { alg: 'HS256', jwk: { kty: 'oct', k: 'c2VjcmV0' } }],
      ['a key that is given away', { jwk: key.privateJwk }],
      ['another kind of token', { typ: 'JWT' }],
    ])('with %s is refused', async (_what, header) => {
      await expectRefused(call(`DPoP ${bound()}`, prove(bound(), {}, header)), 'dpop_proof_invalid');
    });

    it('signed with another key than it shows is refused', async () => {
      const forged = prove(bound(), {}, { jwk: key.publicJwk }, createProvingKey());
      await expectRefused(call(`DPoP ${bound()}`, forged), 'dpop_proof_invalid');
    });

    it('of another key is refused, though it is good', async () => {
      const proof = prove(bound(), {}, {}, createProvingKey());
      await expectRefused(call(`DPoP ${bound()}`, proof), 'dpop_key_mismatch');
    });

    it('twice in one call is refused, in two lines or in one', async () => {
      const [one, two] = [prove(bound()), prove(bound())];
      for (const proofs of [[one, two], [one, one], `${one}, ${two}`]) {
        await expectRefused(call(`DPoP ${bound()}`, proofs), 'dpop_proof_invalid');
      }
      // None was used up by that.
      expect((await call(`DPoP ${bound()}`, one)).status).toBe(200);
    });

    it('is missing, and the call is refused', async () => {
      await expectRefused(call(`DPoP ${bound()}`), 'dpop_proof_missing');
      await expectRefused(call(`DPoP ${bound()}`, ''), 'dpop_proof_invalid');
    });

    it('a bound token as a bearer token is refused, with a proof and without', async () => {
      for (const proof of [undefined, prove(bound())]) {
        const challenge = await expectRefused(call(`Bearer ${bound()}`, proof), 'token_bound');
        expect(challenge).toMatch(/^Bearer error="invalid_token", .*, DPoP resource_metadata=/);
      }
    });

    it('a token that is not bound is refused with a proof of any key', async () => {
      const other = path.issue();
      await expectRefused(call(`DPoP ${other}`, prove(other)), 'token_unbound');
    });

    it('both schemes at once are no credential', async () => {
      const answer = await path.call({
        bearer: null,
        headers: { authorization: [`DPoP ${bound()}`, `Bearer ${path.issue()}`], dpop: prove(bound()) },
      });
      expect(answer.status).toBe(401);
      expect(path.upstream.requests).toEqual([]);
    });

    it('a token that is over is refused as such, whatever the proof', async () => {
      path.clock.advance(3600);
      const challenge = await expectRefused(call(`DPoP ${bound()}`, prove(bound())), 'token_expired');
      expect(challenge).toMatch(/^DPoP error="invalid_token"/);
    });

    it.each(['off', 'optional', 'required'])(
      'a bound token is no bearer token where DPOP is %s',
      async (mode) => {
        await path.close();
        await open(mode);
        const answer = await call(`Bearer ${bound()}`, prove(bound()));
        expect(answer.status).toBe(401);
        expect(path.upstream.requests).toEqual([]);
      },
    );

    it('where tokens have to be bound, one that is not is refused', async () => {
      await path.close();
      await open('required');
      const challenge = await expectRefused(call(`Bearer ${path.issue()}`), 'token_unbound');
      expect(challenge).toMatch(/^DPoP /);
      expect((await call(`DPoP ${bound()}`, prove(bound()))).status).toBe(200);
    });

    it('where DPOP is off, the scheme is one that nobody knows', async () => {
      await path.close();
      await open('off');
      const answer = await call(`DPoP ${bound()}`, prove(bound()));
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe(`Bearer resource_metadata="${path.metadataUrl}"`);
      expect(path.upstream.requests).toEqual([]);
    });
  });

  describe('attack 150: a proof is made in advance, by somebody who has the key for a moment', () => {
    beforeEach(async () => {
      await path.close();
      await open('optional', { DPOP_NONCE: 'on' });
      // The first moment of a minute.
      path.clock.advance(60 - (path.clock.nowSeconds() % 60));
    });

    /** The nonce that a call without one is told. */
    async function learnNonce(): Promise<string> {
      const answer = await call(`DPoP ${bound()}`, prove(bound()));
      expect(answer.status).toBe(401);
      return String(answer.headers['dpop-nonce']);
    }

    it('names no nonce and is refused, which says what to name', async () => {
      const challenge = await expectRefused(call(`DPoP ${bound()}`, prove(bound())), 'dpop_nonce_needed');
      expect(challenge).toMatch(/^DPoP error="use_dpop_nonce"/);
      const nonce = await learnNonce();
      const answer = await call(`DPoP ${bound()}`, prove(bound(), { nonce }));
      expect(answer.status).toBe(200);
      expect(answer.headers).not.toHaveProperty('dpop-nonce');
    });

    it('names the nonce of the minute before and passes, with word of the next; later it is refused', async () => {
      const nonce = await learnNonce();
      path.clock.advance(60);
      const answer = await call(`DPoP ${bound()}`, prove(bound(), { nonce }));
      expect(answer.status).toBe(200);
      const next = String(answer.headers['dpop-nonce']);
      expect(next).not.toBe(nonce);
      path.clock.advance(60);
      await expectRefused(call(`DPoP ${bound()}`, prove(bound(), { nonce })), 'dpop_nonce_needed');
      expect((await call(`DPoP ${bound()}`, prove(bound(), { nonce: next }))).status).toBe(200);
    });

    it('names a nonce for later, with the tag of today, and is refused when its time has come', async () => {
      const [, tag = ''] = (await learnNonce()).split('.');
      const later = path.clock.nowSeconds() + 600;
      const minute = Math.floor(later / 60).toString(36);
      const proof = prove(bound(), { nonce: `${minute}.${tag}`, iat: later });
      await expectRefused(call(`DPoP ${bound()}`, proof), 'dpop_nonce_needed');
      path.clock.advance(600);
      await expectRefused(call(`DPoP ${bound()}`, proof), 'dpop_nonce_needed');
    });

    it.each([7, '', 'nonce', null, ['x']])('names %j and is refused', async (nonce) => {
      await expectRefused(call(`DPoP ${bound()}`, prove(bound(), { nonce })), 'dpop_nonce_needed');
    });

    it('counts once, with a nonce as well', async () => {
      const nonce = await learnNonce();
      const proof = prove(bound(), { nonce });
      expect((await call(`DPoP ${bound()}`, proof)).status).toBe(200);
      await expectRefused(call(`DPoP ${bound()}`, proof), 'dpop_proof_replayed');
    });

    it('tells nobody a nonce who has no token', async () => {
      const answer = await call('DPoP nonsense', prove('nonsense'));
      expect(answer.status).toBe(401);
      expect(answer.headers).not.toHaveProperty('dpop-nonce');
    });
  });

  it('a call without a token is told of both schemes, Bearer first; or of the one that is taken', async () => {
    const metadata = `resource_metadata="${path.metadataUrl}"`;
    const either = await path.call({ bearer: null });
    expect(either.headers['www-authenticate']).toBe(`Bearer ${metadata}, DPoP ${metadata}, ${algs}`);
    await path.close();
    await open('required');
    const proving = await path.call({ bearer: null });
    expect(proving.headers['www-authenticate']).toBe(`DPoP ${metadata}, ${algs}`);
  });
});
