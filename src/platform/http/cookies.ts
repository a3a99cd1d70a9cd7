/** The cookies of one request, by name. A name that came twice is not in it. */
export type Cookies = ReadonlyMap<string, string>;

export interface CookieAttributes {
  /** Whether the site is served over https: `Secure`, and the only place where a `__Host-` name is legal. */
  readonly secure: boolean;
  /** 0 removes the cookie. */
  readonly maxAgeSeconds: number;
}

const nameSyntax = /^[\w!#$%&'*.^`|~+-]+$/;
const valueSyntax = /^[\w.~-]*$/;

/**
 * Reads a Cookie header. Two cookies of one name mean that somebody else set one of them (a sibling host, another
 * path); which one a parser would pick is that somebody's choice, so neither counts.   @see RFC 6265 §4.2 and §8.6
 */
export function parseCookies(header: string | null): Cookies {
  const cookies = new Map<string, string>();
  const seen = new Set<string>();
  for (const pair of (header ?? '').split(';')) {
    const joint = pair.indexOf('=');
    if (joint === -1) continue;
    const name = trimBlanks(pair.slice(0, joint));
    if (seen.has(name)) cookies.delete(name);
    else cookies.set(name, trimBlanks(pair.slice(joint + 1)));
    seen.add(name);
  }
  return cookies;
}

/**
 * A Set-Cookie value: this host only, the whole site, out of reach of scripts, sent on top-level navigations from
 * elsewhere but not on cross-site posts, frames or fetches. Values are plain tokens: nothing is ever encoded.
 * @throws TypeError when name or value need encoding   @see RFC 6265bis §4.1
 */
export function formatCookie(name: string, value: string, attributes: CookieAttributes): string {
  if (!nameSyntax.test(name) || !valueSyntax.test(value)) throw new TypeError('not a plain cookie');
  if (name.startsWith('__Host-') && !attributes.secure) throw new TypeError('__Host- cookies are for https');
  const parts = [
    `${name}=${value}`,
    `Max-Age=${attributes.maxAgeSeconds}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
  ];
  if (attributes.secure) parts.push('Secure');
  return parts.join('; ');
}

/**
 * Spaces and tabs alone, which browsers drop as well. `trim()` would also drop the no-break space, and make a `__Host-`
 * name of one that a browser let a sibling host set.   @see RFC 6265 §5.2
 */
function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/(?<![ \t])[ \t]+$/, '');
}
