import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { JSONWebKeySet } from 'jose';

import type { Clock } from '../../../platform/clock.ts';
import type { Random } from '../../../platform/random.ts';
import type { Person } from './people.ts';

export const idTokenTtlSeconds = 300;

export type SigningAlgorithm = 'RS256' | 'ES256';

/** One login, as the ID token tells it. */
export interface IdTokenSubject {
  readonly person: Person;
  readonly scope: readonly string[];
  readonly nonce: string | undefined;
  readonly authenticatedAt: number;
}

/** Signs ID tokens with a key that lives as long as the process. */
export interface IdTokenSigner {
  readonly algorithm: SigningAlgorithm;
  readonly publicKeys: JSONWebKeySet;
  sign(subject: IdTokenSubject): Promise<string>;
}

export async function createIdTokenSigner(
  settings: { readonly issuer: string; readonly clientId: string; readonly algorithm: SigningAlgorithm },
  deps: { readonly clock: Clock; readonly random: Random },
): Promise<IdTokenSigner> {
  const { privateKey, publicKey } = await generateKeyPair(settings.algorithm);
  const keyId = deps.random.token(8);
  const publicJwk = { ...(await exportJWK(publicKey)), kid: keyId, alg: settings.algorithm, use: 'sig' };
  return {
    algorithm: settings.algorithm,
    publicKeys: { keys: [publicJwk] },
    sign(subject) {
      const now = deps.clock.nowSeconds();
      return new SignJWT(claimsAbout(subject))
        .setProtectedHeader({ alg: settings.algorithm, kid: keyId, typ: 'JWT' })
        .setIssuer(settings.issuer)
        .setAudience(settings.clientId)
        .setSubject(subject.person.subject)
        .setIssuedAt(now)
        .setExpirationTime(now + idTokenTtlSeconds)
        .sign(privateKey);
    },
  };
}

/** Claims by scope, as OpenID Connect Core §5.4 sorts them; groups always, as directories commonly do. */
function claimsAbout({ person, scope, nonce, authenticatedAt }: IdTokenSubject): Record<string, unknown> {
  return {
    auth_time: authenticatedAt,
    groups: person.groups,
    ...(nonce !== undefined && { nonce }),
    ...(scope.includes('profile') && { name: person.name }),
    ...(scope.includes('email') && { email: person.email, email_verified: person.emailVerified }),
  };
}
