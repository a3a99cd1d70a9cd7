import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import {
  type Infer,
  integer,
  name,
  oneOf,
  type Shape,
  shape,
  text,
  textList,
} from '../../platform/sealing/shape.ts';
import type { CodeChallenge } from '../../protocol/pkce.ts';
import type { VerifiedRedirectUri } from '../../protocol/redirect-uri.ts';
import type { ClientFingerprint } from '../../services/clients/client.ts';
import type { AwaitingConsent, AwaitingLogin, RequestedTerms, Transaction } from './transaction.ts';

/** Holds the longest client name, redirect URI and state that are accepted. */
const consentPurpose: SealPurpose = { name: 'consent', prefix: 'mgh_cs_', maxLength: 6144 };

/** Goes into a URL of the identity provider, which with everything else in it must stay under 4 kB. */
const loginPurpose: SealPurpose = { name: 'session', prefix: 'mgh_st_', maxLength: 3328 };

// Short member names: the login stage travels in a URL. They are part of the sealed format.
const sealedTerms = shape(
  { cid: name, uri: name, chl: name, res: name, exp: integer },
  { st: text, scp: textList, prm: oneOf('login', 'select_account'), age: integer, jkt: name, ucd: name },
);

const sealedConsent = sealedTerms.extend(
  { txn: name, brw: name },
  { nam: text, hst: name, reg: oneOf('operator') },
);

const sealedLogin = sealedTerms.extend({ flw: name, ck: name, non: name, ver: name }, { idp: name });

/** @throws SealTooLargeError when the transaction does not fit its purpose's cap */
export function sealTransaction(sealer: Sealer, transaction: Transaction): string {
  switch (transaction.stage) {
    case 'awaiting-consent': {
      const packed: Infer<typeof sealedConsent> = {
        ...packTerms(transaction),
        txn: transaction.transactionId,
        ...(transaction.clientName === undefined ? {} : { nam: transaction.clientName }),
        ...(transaction.clientHost === undefined ? {} : { hst: transaction.clientHost }),
        ...(transaction.preRegistered === undefined ? {} : { reg: 'operator' }),
        brw: transaction.consentHash,
      };
      return sealer.seal(consentPurpose, JSON.stringify(packed));
    }
    case 'awaiting-login': {
      const packed: Infer<typeof sealedLogin> = {
        ...packTerms(transaction),
        flw: transaction.flowId,
        ck: transaction.flowHash,
        non: transaction.secrets.nonce,
        ver: transaction.secrets.codeVerifier,
        ...(transaction.identityProvider === undefined ? {} : { idp: transaction.identityProvider }),
      };
      return sealer.seal(loginPurpose, JSON.stringify(packed));
    }
  }
}

/** The transaction, or undefined for anything we did not seal as a consent form. Expiry is the caller's to judge. */
export function openAwaitingConsent(sealer: Sealer, token: string): AwaitingConsent | undefined {
  const packed = open(sealer, consentPurpose, sealedConsent, token);
  if (packed === undefined) return undefined;
  return {
    stage: 'awaiting-consent',
    transactionId: packed.txn,
    terms: unpackTerms(packed),
    clientName: packed.nam,
    ...(packed.hst === undefined ? {} : { clientHost: packed.hst }),
    ...(packed.reg === undefined ? {} : { preRegistered: true }),
    consentHash: packed.brw,
    expiresAt: packed.exp,
  };
}

/** The transaction, or undefined for anything we did not seal as a login state. Expiry is the caller's to judge. */
export function openAwaitingLogin(sealer: Sealer, token: string): AwaitingLogin | undefined {
  const packed = open(sealer, loginPurpose, sealedLogin, token);
  if (packed === undefined) return undefined;
  return {
    stage: 'awaiting-login',
    flowId: packed.flw,
    terms: unpackTerms(packed),
    flowHash: packed.ck,
    secrets: { nonce: packed.non, codeVerifier: packed.ver },
    ...(packed.idp === undefined ? {} : { identityProvider: packed.idp }),
    expiresAt: packed.exp,
  };
}

function open<T>(sealer: Sealer, purpose: SealPurpose, expected: Shape<T>, token: string): T | undefined {
  const plaintext = sealer.open(purpose, token);
  if (plaintext === undefined) return undefined;
  // Ours but of another release: such a transaction is started again, it is no fault of the process.
  const packed: unknown = JSON.parse(plaintext);
  return expected.matches(packed) ? packed : undefined;
}

function packTerms(transaction: Transaction): Infer<typeof sealedTerms> {
  const { terms } = transaction;
  const { prompt, maxAgeSeconds } = terms.reauthentication;
  return {
    cid: terms.client,
    uri: terms.redirectUri,
    ...(terms.state === undefined ? {} : { st: terms.state }),
    chl: terms.codeChallenge,
    res: terms.resource,
    ...(terms.scope.length === 0 ? {} : { scp: [...terms.scope] }),
    ...(prompt === undefined ? {} : { prm: prompt }),
    ...(maxAgeSeconds === undefined ? {} : { age: maxAgeSeconds }),
    ...(terms.keyThumbprint === undefined ? {} : { jkt: terms.keyThumbprint }),
    ...(terms.userCode === undefined ? {} : { ucd: terms.userCode }),
    exp: transaction.expiresAt,
  };
}

/**
 * The one other maker of a `VerifiedRedirectUri`: only a matched one can be packed, and nobody but us can seal, so
 * what opens was matched. The same holds for the challenge and the fingerprint.
 */
function unpackTerms(packed: Infer<typeof sealedTerms>): RequestedTerms {
  return {
    client: packed.cid as ClientFingerprint,
    redirectUri: packed.uri as VerifiedRedirectUri,
    state: packed.st,
    codeChallenge: packed.chl as CodeChallenge,
    resource: packed.res,
    scope: packed.scp ?? [],
    reauthentication: { prompt: packed.prm, maxAgeSeconds: packed.age },
    ...(packed.jkt === undefined ? {} : { keyThumbprint: packed.jkt }),
    ...(packed.ucd === undefined ? {} : { userCode: packed.ucd }),
  };
}
