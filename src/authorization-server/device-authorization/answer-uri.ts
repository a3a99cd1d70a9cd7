import { matchRedirectUri, parseRedirectUri, type VerifiedRedirectUri } from '../../protocol/redirect-uri.ts';

/** Where the answer of a person about a device comes back to: this server itself is the client's redirect URI. */
export function answerUriOf(issuer: string): VerifiedRedirectUri {
  const uri = parseRedirectUri(`${issuer}/device/answer`, { privateUseSchemes: [] });
  const verified = matchRedirectUri(uri, [uri]);
  if (verified === undefined) throw new TypeError('a redirect URI is not equal to itself');
  return verified;
}
