import type { JsonObject } from '../../requests/strict-json.ts';
import type { ParseJson, TokenTypeRule } from './token-authority.ts';

/** A JWT as it came apart; nothing of it is true yet. */
export interface SignedToken {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  /** `typ`, lower case and without `application/`. */
  readonly type: string | undefined;
  readonly claims: JsonObject;
}

/** As long as a token of ours may be. */
const maxLength = 8_192;
const maxKeyIdLength = 512;

/**
 * Takes a JWT in compact form apart. Strictly: whoever stands behind us must not be able to read another token out of the
 * same bytes. Undefined: it is none, has a member twice, or a critical header (RFC 7515 §4.1.11), of which we know none.
 * @see RFC 7519 §7.2, RFC 8725 §3.10
 */
export function parseSignedToken(token: string, parseJson: ParseJson): SignedToken | undefined {
  if (token.length > maxLength) return undefined;
  const [head = '', payload = '', signature = '', ...rest] = token.split('.');
  if (rest.length > 0 || decode(signature) === undefined) return undefined;
  const header = readJson(head, parseJson);
  const claims = readJson(payload, parseJson);
  if (header === undefined || claims === undefined) return undefined;
  const { alg, kid, typ } = header;
  if (typeof alg !== 'string' || Object.hasOwn(header, 'crit')) return undefined;
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > maxKeyIdLength)) return undefined;
  if (typ !== undefined && typeof typ !== 'string') return undefined;
  const type = typ?.toLowerCase().replace(/^application\//, '');
  return { algorithm: alg, keyId: kid, type, claims };
}

/** Whether it may be an access token. An ID token or a logout token of the same issuer is none (RFC 8725 §3.11). */
export function isTypeAccepted(type: string | undefined, rule: TokenTypeRule): boolean {
  return type === 'at+jwt' || (rule === 'any' && (type === undefined || type === 'jwt'));
}

function readJson(part: string, parseJson: ParseJson): JsonObject | undefined {
  const bytes = decode(part);
  if (bytes === undefined) return undefined;
  try {
    const reading = parseJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return reading.outcome === 'read' ? reading.value : undefined;
  } catch {
    // Not UTF-8.
    return undefined;
  }
}

/** One spelling for each value, and no empty one: unused bits and padding would be further names of the same token. */
function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return part !== '' && bytes.toString('base64url') === part ? bytes : undefined;
}
