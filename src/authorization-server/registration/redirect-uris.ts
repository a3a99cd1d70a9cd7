import { OAuthError } from '../../protocol/oauth-error.ts';
import {
  findRedirectUriProblem,
  parseRedirectUri,
  type RedirectUri,
  type RedirectUriRules,
} from '../../protocol/redirect-uri.ts';

const maxRedirectUris = 5;

/** A redirect URI that was left out of an otherwise good registration; the wire form. */
export interface RefusedRedirectUri {
  readonly redirect_uri: string;
  readonly error_description: string;
}

export interface ParsedRedirectUris {
  /** At least one. */
  readonly accepted: readonly RedirectUri[];
  readonly refused: readonly RefusedRedirectUri[];
}

/**
 * Judges the `redirect_uris` of a registration. An entry that is wrong refuses the whole and is named by its index. An
 * entry of an app scheme that is merely not enabled here is left out and reported, as long as another one remains:
 * clients register all their platforms at once, and one of them must not cost the others.
 * @throws OAuthError `invalid_redirect_uri`, reason `redirect_uri_invalid`
 * @see OAuth 2.1 §2.3, RFC 8252 §7, RFC 7591 §3.2.2
 */
export function parseRedirectUris(
  value: unknown,
  applicationType: 'web' | 'native' | undefined,
  rules: RedirectUriRules,
): ParsedRedirectUris {
  const accepted = new Set<RedirectUri>();
  const refused: RefusedRedirectUri[] = [];
  for (const [index, uri] of parseList(value).entries()) {
    const problem = findRedirectUriProblem(uri, rules);
    if (problem?.harmless === false) throw refuse(`redirect_uris[${index}]: ${problem.text}`);
    if (applicationType === 'web' && !uri.startsWith('https:')) {
      throw refuse(`redirect_uris[${index}]: a client of application_type web must use https`);
    }
    if (problem === undefined) accepted.add(parseRedirectUri(uri, rules));
    else refused.push({ redirect_uri: uri, error_description: problem.text });
  }
  if (accepted.size === 0) throw refuse(refused[0]?.error_description ?? 'redirect_uris is required');
  return { accepted: [...accepted], refused };
}

function parseList(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0)
    throw refuse('redirect_uris must be a list with at least one URI');
  if (value.length > maxRedirectUris) throw refuse(`redirect_uris has more than ${maxRedirectUris} entries`);
  return value.map((entry: unknown, index) => {
    if (typeof entry !== 'string') throw refuse(`redirect_uris[${index}]: not a string`);
    return entry;
  });
}

function refuse(what: string): OAuthError {
  return new OAuthError('invalid_redirect_uri', what, { reason: 'redirect_uri_invalid' });
}
