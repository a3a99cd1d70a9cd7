import { createHash, timingSafeEqual } from 'node:crypto';

/** The one client that may ask this identity provider for a login. */
export interface RegisteredClient {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Compared as a whole, byte for byte. */
  readonly redirectUri: string;
}

/**
 * Whether a token request comes from the registered client: `client_secret_basic` or `client_secret_post`, never both.
 * @see RFC 6749 §2.3.1
 */
export function isRegisteredClient(
  client: RegisteredClient,
  authorization: string | null,
  form: URLSearchParams,
): boolean {
  const presented = presentedCredentials(authorization, form);
  if (presented === undefined) return false;
  const idHolds = equalInConstantTime(presented.clientId, client.clientId);
  const secretHolds = equalInConstantTime(presented.clientSecret, client.clientSecret);
  return idHolds && secretHolds;
}

function presentedCredentials(
  authorization: string | null,
  form: URLSearchParams,
): { readonly clientId: string; readonly clientSecret: string } | undefined {
  const clientId = form.get('client_id');
  const clientSecret = form.get('client_secret');
  if (authorization === null) {
    return clientId === null || clientSecret === null ? undefined : { clientId, clientSecret };
  }
  // RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
  if (clientSecret !== null) return undefined;
  const basic = parseBasic(authorization);
  if (basic === undefined || (clientId !== null && clientId !== basic.clientId)) return undefined;
  return basic;
}

function parseBasic(
  authorization: string,
): { readonly clientId: string; readonly clientSecret: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon === -1) return undefined;
  try {
    return {
      clientId: formDecode(decoded.slice(0, colon)),
      clientSecret: formDecode(decoded.slice(colon + 1)),
    };
  } catch {
    return undefined;
  }
}

/** RFC 6749 appendix B: both halves are form-encoded before base64. */
function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function equalInConstantTime(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
