import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import { formatCookie, parseCookies } from '../../platform/http/cookies.ts';
import type { Random } from '../../platform/random.ts';
import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, integer, name, shape } from '../../platform/sealing/shape.ts';
import { fingerprintClientId } from '../../services/clients/client.ts';
import type { Login } from '../../services/identity/identity-provider.ts';
import type { IdentityProviders } from '../../services/identity/identity-providers.ts';
import type { Person } from '../../services/tokens/person-grants.ts';
import type { Revocations } from '../../services/tokens/revocations.ts';

/** How long somebody may look at and end what they allowed. Never extended. */
const accountSessionSeconds = 600;

/** Somebody who has logged in on the account page, in this browser. */
export interface AccountSession extends Person {
  /** What the page's form is bound to. */
  readonly sessionId: string;
  /** For the person: by which they know themselves. */
  readonly account: string;
  readonly startedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
  /** The identity provider's session, so that its logout ends this one as well. */
  readonly providerSession?: string | undefined;
}

/** Nothing of them is in the store: a session is its cookie. */
export interface AccountSessions {
  /** Where the page is. */
  readonly path: string;
  /** The Set-Cookie value that begins a session. */
  begin(login: Pick<Login, 'identity' | 'sessionId'>): string;
  /** The session of a request, while it lives and the person was not cut off since it began. */
  find(request: Request): AccountSession | undefined;
  /** The Set-Cookie value that ends it in the browser. */
  end(): string;
}

export interface AccountSessionsDeps {
  readonly issuer: string;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
  readonly identityProviders: Pick<IdentityProviders, 'findByIssuer'>;
  readonly revocations: Pick<Revocations, 'judge'>;
}

/** Holds the longest subject and what it is shown as; a browser takes some 4 kB. */
const accountSessionPurpose: SealPurpose = { name: 'account-session', prefix: 'mgh_as_', maxLength: 3072 };

/** No cut-off of a client is one of a session. */
const noClient = fingerprintClientId('');

const sealedSession = shape(
  { ses: name, idp: name, sub: name, who: name, iat: integer, exp: integer },
  { sid: name },
);

export function createAccountSessions(deps: AccountSessionsDeps): AccountSessions {
  const secure = deps.issuer.startsWith('https:');
  // Only this very host, over https, can set a __Host- cookie. On https no other name is read.
  const cookieName = `${secure ? '__Host-' : ''}gatehouse-account-session`;

  /** As with every grant: what cuts the person off from now on cuts this off, "end all access" included. */
  function isCutOff(session: AccountSession): boolean {
    const { sessionId, identityIssuer, subject, startedAt, providerSession } = session;
    return deps.revocations.judge({
      grantId: sessionId,
      client: noClient,
      identityIssuer,
      subject,
      grantedAt: startedAt,
      ...(providerSession === undefined ? {} : { sessionId: providerSession }),
    });
  }

  return {
    path: '/account',
    begin({ identity, sessionId: providerSession }) {
      const startedAt = deps.clock.nowSeconds();
      const value = sealAccountSession(deps.sealer, {
        sessionId: deps.random.token(16),
        identityIssuer: identity.issuer,
        subject: identity.subject,
        account: identity.email ?? identity.name ?? identity.subject,
        startedAt,
        expiresAt: startedAt + accountSessionSeconds,
        ...(providerSession === undefined ? {} : { providerSession }),
      });
      return formatCookie(cookieName, value, { secure, maxAgeSeconds: accountSessionSeconds });
    },
    find(request) {
      const value = parseCookies(request.headers.get('cookie')).get(cookieName);
      const session = value === undefined ? undefined : openAccountSession(deps.sealer, value);
      if (session === undefined || session.expiresAt <= deps.clock.nowSeconds()) return undefined;
      // Whom nobody vouches for any more is nobody.
      if (deps.identityProviders.findByIssuer(session.identityIssuer) === undefined) return undefined;
      return isCutOff(session) ? undefined : session;
    },
    end: () => formatCookie(cookieName, '', { secure, maxAgeSeconds: 0 }),
  };
}

export function sealAccountSession(sealer: Sealer, session: AccountSession): string {
  const packed: Infer<typeof sealedSession> = {
    ses: session.sessionId,
    idp: session.identityIssuer,
    sub: session.subject,
    who: session.account,
    ...(session.providerSession === undefined ? {} : { sid: session.providerSession }),
    iat: session.startedAt,
    exp: session.expiresAt,
  };
  return sealer.seal(accountSessionPurpose, JSON.stringify(packed));
}

/** The session, or undefined for anything we did not seal as one. Expiry is the caller's to judge. */
export function openAccountSession(sealer: Sealer, token: string): AccountSession | undefined {
  const plaintext = sealer.open(accountSessionPurpose, token);
  if (plaintext === undefined) return undefined;
  const packed: unknown = JSON.parse(plaintext);
  if (!sealedSession.matches(packed)) return undefined;
  return {
    sessionId: packed.ses,
    identityIssuer: packed.idp,
    subject: packed.sub,
    account: packed.who,
    ...(packed.sid === undefined ? {} : { providerSession: packed.sid }),
    startedAt: packed.iat,
    expiresAt: packed.exp,
  };
}
