import { createHash, timingSafeEqual } from 'node:crypto';

import type { Clock } from '../../platform/clock.ts';
import { type Cookies, formatCookie, parseCookies } from '../../platform/http/cookies.ts';
import type { Random } from '../../platform/random.ts';

/**
 * A bounded set of cookies in a browser, each with a secret of its own and an id in its name. What it is to bind holds
 * only the hash, and is then worth nothing in any other browser. As no two share a name, tabs that open side by side,
 * or a request that came without its cookies, cannot take one another's away.
 */
export interface SecretCookies {
  /** A new secret under this id, and the Set-Cookie values: the new cookie, and the ends of those that make room. */
  issue(request: Request, id: string): { readonly hash: string; readonly cookies: readonly string[] };
  /** Whether the request comes with the secret of this id and hash. */
  matches(request: Request, id: string, hash: string): boolean;
  /** The Set-Cookie value that ends this id's cookie. */
  end(id: string): string;
}

export interface SecretCookiesDeps {
  readonly issuer: string;
  readonly random: Random;
  readonly clock: Clock;
}

const secretBytes = 32;
/** Of one kind in one browser: six cookies are some 600 bytes of header. */
const maxCookies = 6;

/** When it was issued, in seconds since the epoch, and the secret. */
const valueSyntax = /^(\d{1,12})\.([\w-]{43})$/;

/** @param kind goes into the name; a set sees no cookie of another kind */
export function createSecretCookies(
  deps: SecretCookiesDeps,
  kind: string,
  maxAgeSeconds: number,
): SecretCookies {
  const secure = deps.issuer.startsWith('https:');
  // Only this very host, over https, can set a __Host- cookie: a sibling host cannot plant one. On https no other name is read.
  const prefix = `${secure ? '__Host-' : ''}gatehouse-${kind}-`;
  const removal = (name: string): string => formatCookie(name, '', { secure, maxAgeSeconds: 0 });

  return {
    issue(request, id) {
      const secret = deps.random.token(secretBytes);
      const value = `${deps.clock.nowSeconds()}.${secret}`;
      const evicted = listOldest(readCookies(request), prefix).map(removal);
      return {
        hash: hashSecret(secret),
        cookies: [...evicted, formatCookie(prefix + id, value, { secure, maxAgeSeconds })],
      };
    },
    matches(request, id, hash) {
      const value = readCookies(request).get(prefix + id);
      return isPreimage(valueSyntax.exec(value ?? '')?.[2], hash);
    },
    end: (id) => removal(prefix + id),
  };
}

function readCookies(request: Request): Cookies {
  return parseCookies(request.headers.get('cookie'));
}

/** Names of the set's cookies beyond the newest, leaving room for one more. Unreadable ones count as oldest. */
function listOldest(cookies: Cookies, prefix: string): readonly string[] {
  // Browsers send the older first (RFC 6265 §5.4), which decides among those of one second.
  const newestFirst = [...cookies].filter(([name]) => name.startsWith(prefix)).toReversed();
  const issuedAt = (value: string): number => Number(valueSyntax.exec(value)?.[1] ?? 0);
  newestFirst.sort(([, left], [, right]) => issuedAt(right) - issuedAt(left));
  return newestFirst.slice(maxCookies - 1).map(([name]) => name);
}

function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function isPreimage(secret: string | undefined, hash: string): boolean {
  if (secret === undefined) return false;
  const computed = Buffer.from(hashSecret(secret));
  const expected = Buffer.from(hash);
  return computed.length === expected.length && timingSafeEqual(computed, expected);
}
