import { describe, expect, it } from 'vitest';

import { createSealer } from '../../platform/sealing/sealer.ts';
import { systemRandom } from '../../platform/random.ts';
import { computeCodeChallenge } from '../../protocol/pkce.ts';
import { maxRedirectUriBytes, type VerifiedRedirectUri } from '../../protocol/redirect-uri.ts';
import { fingerprintClientId } from '../../services/clients/client.ts';
import { openAwaitingConsent, openAwaitingLogin, sealTransaction } from './transaction-codec.ts';
import type { AwaitingConsent, AwaitingLogin, RequestedTerms } from './transaction.ts';

const issuer = 'https://gatehouse.test';
const sealerFor = (context: string) =>
  createSealer({ secrets: ['s'.repeat(32)], context, random: systemRandom });
const sealer = sealerFor(issuer);

const terms: RequestedTerms = {
  client: fingerprintClientId('client-a'),
  redirectUri: 'https://client.example/callback?x=1' as VerifiedRedirectUri,
  state: 'é "quoted" \\ 🙂',
  codeChallenge: computeCodeChallenge('v'.repeat(43)),
  resource: 'https://gatehouse.test/mcp',
  scope: [],
  reauthentication: { prompt: 'login', maxAgeSeconds: 0 },
};
const consent: AwaitingConsent = {
  stage: 'awaiting-consent',
  transactionId: 'txn',
  terms,
  clientName: 'Client',
  consentHash: 'hash',
  expiresAt: 1_000,
};
const login: AwaitingLogin = {
  stage: 'awaiting-login',
  flowId: 'f'.repeat(22),
  terms,
  flowHash: 'h'.repeat(43),
  secrets: { nonce: 'n'.repeat(22), codeVerifier: 'v'.repeat(43) },
  expiresAt: 1_792_000_000,
};

describe('sealed transaction', () => {
  it('opens as it was sealed, in each stage', () => {
    const reauthentication = { prompt: undefined, maxAgeSeconds: undefined };
    const bare = { ...terms, state: undefined, scope: ['a', 'b'], reauthentication };

    expect(openAwaitingConsent(sealer, sealTransaction(sealer, consent))).toEqual(consent);
    expect(openAwaitingLogin(sealer, sealTransaction(sealer, login))).toEqual(login);
    const nameless = { ...consent, clientName: undefined, terms: bare };
    expect(openAwaitingConsent(sealer, sealTransaction(sealer, nameless))).toEqual(nameless);
    expect(openAwaitingLogin(sealer, sealTransaction(sealer, { ...login, terms: bare }))?.terms).toEqual(
      bare,
    );
  });

  it('has a prefix of its own in each stage', () => {
    expect(sealTransaction(sealer, consent)).toMatch(/^mgh_cs_/);
    expect(sealTransaction(sealer, login)).toMatch(/^mgh_st_/);
  });

  it('never opens as the other stage, not even under the other prefix', () => {
    const consentToken = sealTransaction(sealer, consent);
    const state = sealTransaction(sealer, login);

    expect(openAwaitingLogin(sealer, consentToken)).toBeUndefined();
    expect(openAwaitingConsent(sealer, state)).toBeUndefined();
    expect(openAwaitingLogin(sealer, consentToken.replace('mgh_cs_', 'mgh_st_'))).toBeUndefined();
    expect(openAwaitingConsent(sealer, state.replace('mgh_st_', 'mgh_cs_'))).toBeUndefined();
  });

  it('opens nowhere but at the deployment that sealed it', () => {
    const elsewhere = sealerFor('https://other.test');

    expect(openAwaitingConsent(elsewhere, sealTransaction(sealer, consent))).toBeUndefined();
    expect(openAwaitingLogin(elsewhere, sealTransaction(sealer, login))).toBeUndefined();
  });

  it('does not open content of another shape', () => {
    const odd = sealer.seal({ name: 'consent', prefix: 'mgh_cs_', maxLength: 6144 }, '{"txn":"x"}');

    expect(openAwaitingConsent(sealer, odd)).toBeUndefined();
  });

  it('holds the longest redirect URI, state and name that are accepted, in a provider URL below 4 kB', () => {
    const longest: RequestedTerms = {
      ...terms,
      redirectUri: `https://client.example/${'x'.repeat(maxRedirectUriBytes - 23)}` as VerifiedRedirectUri,
      state: '"'.repeat(512),
      resource: `https://gatehouse.test/${'m'.repeat(100)}`,
      reauthentication: { prompt: 'select_account', maxAgeSeconds: 9_999_999_999 },
    };

    const state = sealTransaction(sealer, { ...login, terms: longest });
    const url = new URL(
      'https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/oauth2/v2.0/authorize',
    );
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: '00000000-0000-0000-0000-000000000000',
      redirect_uri: 'https://a-rather-long-name.gatehouse.example.com/callback',
      scope: 'openid email profile groups offline_access',
      state,
      nonce: login.secrets.nonce,
      code_challenge: terms.codeChallenge,
      code_challenge_method: 'S256',
      response_mode: 'query',
      prompt: 'select_account',
      max_age: '9999999999',
    }).toString();
    expect(url.href.length).toBeLessThan(4096);
    const named = { ...consent, terms: longest, clientName: '"'.repeat(512) };
    expect(openAwaitingConsent(sealer, sealTransaction(sealer, named))).toEqual(named);
  });
});
