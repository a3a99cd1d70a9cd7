import { createHash, timingSafeEqual } from 'node:crypto';

/** A resource server that may ask about tokens. */
export interface IntrospectionClient {
  readonly id: string;
  /** SHA-256 of its secret: the configuration does not hold what could be presented. */
  readonly secretHash: Buffer;
  /** Names of the mounts whose tokens it may ask about. Absent: every one's. */
  readonly mounts?: readonly string[];
}

/**
 * The resource server that the `Authorization` header proves, or undefined.
 * @see RFC 6749 §2.3.1: id and secret are form-encoded before they are joined
 */
export function authenticateIntrospectionClient(
  authorization: string | null,
  clients: readonly IntrospectionClient[],
): IntrospectionClient | undefined {
  const presented = parseBasic(authorization);
  if (presented === undefined) return undefined;
  const hash = createHash('sha256').update(presented.secret).digest();
  let proven: IntrospectionClient | undefined;
  // Every one, and each in constant time: how long it takes says nothing about which ids there are.
  for (const client of clients) {
    const isRight = timingSafeEqual(hash, client.secretHash);
    if (isRight && client.id === presented.id) proven = client;
  }
  return proven;
}

function parseBasic(authorization: string | null): { id: string; secret: string } | undefined {
  const encoded = /^basic ([A-Za-z0-9+/=]{1,2048})$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1) return undefined;
  const id = decodeForm(text.slice(0, colon));
  const secret = decodeForm(text.slice(colon + 1));
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

function decodeForm(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
