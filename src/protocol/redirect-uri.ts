import { OAuthError } from './oauth-error.ts';

/** A redirect URI whose form is acceptable. It says nothing about whose it is. Maker: `parseRedirectUri`. */
export type RedirectUri = string & { readonly __brand: 'RedirectUri' };

/** A redirect URI that this client registered. Only this type can be redirected to. Maker: `matchRedirectUri`. */
export type VerifiedRedirectUri = string & { readonly __brand: 'VerifiedRedirectUri' };

export type RedirectUriKind = 'https' | 'loopback' | 'private-use';

export interface RedirectUriRules {
  /** Private-use schemes (RFC 8252 §7.1) that native clients may use, lower case, without the colon. */
  readonly privateUseSchemes: readonly string[];
}

export const maxRedirectUriBytes = 512;

// The only spellings of loopback: every other one (127.1, 0x7f.1, localhost., LOCALHOST) is refused.
const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::(\d{1,5}))?((?:[/?]).*)?$/;
const https = /^https:\/\//;
const privateUse = /^([a-z][a-z0-9+.-]*):(?:\/\/)?[^/?]*/;
// Printable ASCII without the characters that URL parsers read differently or drop.
const plainCharacters = /^[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+$/;

// Schemes that run code, show local content, leave the browser for a handler of its own, or are network protocols.
const neverSchemes = new Set(
  (
    'javascript data vbscript file filesystem blob about view-source intent android-app ws wss ftp ftps mailto tel ' +
    'sms http https chrome chrome-extension moz-extension resource jar livescript mocha ms-its mhtml mk res cid mid ' +
    'content gopher ssh telnet ldap ldaps search-ms ms-msdt urn'
  ).split(' '),
);

// Names that an authorization response carries: a registered query holding one would make it ambiguous.
const responseNames = new Set([
  'code',
  'state',
  'iss',
  'error',
  'error_description',
  'error_uri',
  'response',
]);

/** Whether an operator may put this scheme on the allow-list of private-use schemes. */
export function isAllowableScheme(scheme: string): boolean {
  return /^[a-z][a-z0-9+.-]*$/.test(scheme) && !neverSchemes.has(scheme);
}

/**
 * Accepts a redirect URI only when no two URL parsers can disagree about it: its WHATWG serialisation must equal the
 * input byte for byte (an empty path aside).
 * @throws OAuthError `invalid_redirect_uri`, reason `redirect_uri_invalid`   @see OAuth 2.1 §2.3, RFC 8252 §7 and §8.4
 */
export function parseRedirectUri(value: string, rules: RedirectUriRules): RedirectUri {
  const problem = findRedirectUriProblem(value, rules);
  if (problem !== undefined) {
    throw new OAuthError('invalid_redirect_uri', problem.text, { reason: 'redirect_uri_invalid' });
  }
  return value as RedirectUri;
}

export interface RedirectUriProblem {
  /** Safe for strangers. */
  readonly text: string;
  /** A well-formed URI of a scheme that is merely not enabled here; leaving it out harms nobody. */
  readonly harmless: boolean;
}

/** What is wrong with a redirect URI, or undefined when it is acceptable. */
export function findRedirectUriProblem(
  value: string,
  rules: RedirectUriRules,
): RedirectUriProblem | undefined {
  const malformed = findFormProblem(value);
  if (malformed !== undefined) return { text: malformed, harmless: false };
  if (https.test(value) || loopback.test(value)) return undefined;
  const scheme = privateUse.exec(value)?.[1] ?? '';
  if (scheme === 'http') {
    return { text: 'http redirect URIs are for 127.0.0.1, [::1] and localhost only', harmless: false };
  }
  if (!isAllowableScheme(scheme)) {
    return { text: 'redirect URIs must be https, loopback http, or an enabled app scheme', harmless: false };
  }
  if (!rules.privateUseSchemes.includes(scheme)) {
    return { text: `redirect URIs of the scheme ${scheme}: are not enabled here`, harmless: true };
  }
  return undefined;
}

function findFormProblem(value: string): string | undefined {
  if (value.length > maxRedirectUriBytes) return `a redirect URI is longer than ${maxRedirectUriBytes} bytes`;
  if (value.includes('#')) return 'a redirect URI must not have a fragment';
  if (!plainCharacters.test(value) || /%(?![0-9A-Fa-f]{2})/.test(value)) {
    return 'a redirect URI has characters that are not allowed in a URI';
  }
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return 'a redirect URI does not parse';
  }
  if (url.username !== '' || url.password !== '' || /^[^/?]*\/\/[^/?]*@/.test(value)) {
    return 'a redirect URI must not carry user information';
  }
  // https://host and http://localhost serialise with a slash that the client did not write: that one is allowed.
  if (url.href !== value && !(url.pathname === '/' && url.href === addEmptyPath(value))) {
    return 'a redirect URI is not in its normal form';
  }
  for (const name of url.searchParams.keys()) {
    if (responseNames.has(name)) return `a redirect URI must not contain the response parameter ${name}`;
  }
  return undefined;
}

function addEmptyPath(value: string): string {
  const query = value.indexOf('?');
  return query === -1 ? `${value}/` : `${value.slice(0, query)}/${value.slice(query)}`;
}

/**
 * Finds the requested redirect URI among the registered ones: byte equality, but that a loopback URI may come with
 * any port (RFC 8252 §7.3; in the field that must hold for `localhost` too). Nothing is normalised.
 * @see OAuth 2.1 §2.3.1
 */
export function matchRedirectUri(
  requested: string,
  registered: readonly RedirectUri[],
): VerifiedRedirectUri | undefined {
  for (const candidate of registered) {
    if (candidate === requested || isSameLoopback(requested, candidate))
      return requested as VerifiedRedirectUri;
  }
  return undefined;
}

function isSameLoopback(requested: string, registered: RedirectUri): boolean {
  const wanted = loopback.exec(requested);
  const known = loopback.exec(registered);
  if (wanted === null || known === null || findFormProblem(requested) !== undefined) return false;
  const port = wanted[2];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return false;
  return wanted[1] === known[1] && (wanted[3] ?? '') === (known[3] ?? '');
}

/** What kind of place a redirect URI leads to, and the part a person should look at. */
export function describeRedirectUri(uri: string): {
  readonly kind: RedirectUriKind;
  /** scheme, host and port as written, e.g. `https://claude.ai` or `cursor:`. */
  readonly origin: string;
} {
  if (https.test(uri)) return { kind: 'https', origin: new URL(uri).origin };
  if (loopback.test(uri)) return { kind: 'loopback', origin: new URL(uri).origin };
  return { kind: 'private-use', origin: uri.slice(0, uri.indexOf(':') + 1) };
}
