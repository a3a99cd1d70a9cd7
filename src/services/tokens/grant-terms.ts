import type { EpochSeconds } from '../../platform/clock.ts';
import { type Infer, integer, name, oneOf, shape, text, textList } from '../../platform/sealing/shape.ts';
import type { ClientFingerprint } from '../clients/client.ts';
import { packedGroups, packGroups, unpackGroups } from './packed-groups.ts';

/** What a person allowed a client: the part that code, access token and refresh token of one grant share. */
export interface GrantTerms {
  readonly grantId: string;
  /** Identity provider's issuer and its subject: together they are the person. */
  readonly identityIssuer: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly groups: readonly string[];
  /** The identity provider's name for the session that the login began (`sid`), where it said one. */
  readonly sessionId?: string | undefined;
  /** How the person logged in, where the identity provider said it: `acr`, `amr` and `auth_time`. */
  readonly acr?: string | undefined;
  readonly amr?: readonly string[] | undefined;
  readonly authenticatedAt?: EpochSeconds | undefined;
  /** The client acts for itself: the subject is its id, and no person is meant. Absent: a person. */
  readonly actor?: 'client' | undefined;
  /** The person did not log in here: a trusted issuer said who they are. Absent: they logged in, or it is no person. */
  readonly via?: 'assertion' | undefined;
  readonly client: ClientFingerprint;
  /**
   * The key that a code, an access token or a refresh token is bound to: good only with a proof of it. Each has its own,
   * or none.   @see RFC 9449 §6.1, RFC 7638
   */
  readonly keyThumbprint?: string | undefined;
  /** The one resource the tokens are good for. */
  readonly resource: string;
  readonly scope: readonly string[];
  /** When the person logged in. */
  readonly grantedAt: EpochSeconds;
  /** No refresh goes past this moment, whatever the activity. */
  readonly absoluteEnd: EpochSeconds;
}

/** Sealed form of the terms: short names, since it travels in URLs and headers. Part of the released format. */
export const sealedTerms = shape(
  { gid: name, idp: name, sub: name, cid: name, res: name, gat: integer, end: integer },
  {
    eml: text,
    nam: text,
    ...packedGroups,
    sid: name,
    act: oneOf('client'),
    via: oneOf('assertion'),
    acr: name,
    amr: textList,
    aut: integer,
    jkt: name,
    scp: textList,
  },
);

export type SealedTerms = Infer<typeof sealedTerms>;

export function packTerms(terms: GrantTerms): SealedTerms {
  return {
    gid: terms.grantId,
    idp: terms.identityIssuer,
    sub: terms.subject,
    ...(terms.email === undefined ? {} : { eml: terms.email }),
    ...(terms.name === undefined ? {} : { nam: terms.name }),
    ...packGroups(terms.groups),
    ...(terms.sessionId === undefined ? {} : { sid: terms.sessionId }),
    ...(terms.acr === undefined ? {} : { acr: terms.acr }),
    ...(terms.amr === undefined ? {} : { amr: [...terms.amr] }),
    ...(terms.authenticatedAt === undefined ? {} : { aut: terms.authenticatedAt }),
    ...(terms.actor === undefined ? {} : { act: terms.actor }),
    ...(terms.via === undefined ? {} : { via: terms.via }),
    cid: terms.client,
    ...(terms.keyThumbprint === undefined ? {} : { jkt: terms.keyThumbprint }),
    res: terms.resource,
    ...(terms.scope.length === 0 ? {} : { scp: [...terms.scope] }),
    gat: terms.grantedAt,
    end: terms.absoluteEnd,
  };
}

export function unpackTerms(sealed: SealedTerms): GrantTerms {
  return {
    grantId: sealed.gid,
    identityIssuer: sealed.idp,
    subject: sealed.sub,
    email: sealed.eml,
    name: sealed.nam,
    groups: unpackGroups(sealed),
    ...(sealed.sid === undefined ? {} : { sessionId: sealed.sid }),
    ...(sealed.acr === undefined ? {} : { acr: sealed.acr }),
    ...(sealed.amr === undefined ? {} : { amr: sealed.amr }),
    ...(sealed.aut === undefined ? {} : { authenticatedAt: sealed.aut }),
    ...(sealed.act === undefined ? {} : { actor: sealed.act }),
    ...(sealed.via === undefined ? {} : { via: sealed.via }),
    client: sealed.cid as ClientFingerprint,
    ...(sealed.jkt === undefined ? {} : { keyThumbprint: sealed.jkt }),
    resource: sealed.res,
    scope: sealed.scp ?? [],
    grantedAt: sealed.gat,
    absoluteEnd: sealed.end,
  };
}
