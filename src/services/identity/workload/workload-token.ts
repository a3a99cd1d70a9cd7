import type { Clock } from '../../../platform/clock.ts';
import { ProviderFailure } from '../provider-failure.ts';

/** Where tokens of the platform come from that this server runs on. They say who this server is. */
export interface TokenSource {
  /** Asks for a new one. @throws ProviderFailure `client_token_…` */
  readonly ask: () => Promise<string>;
  /** What to do next, by the kind of failure. */
  readonly hints: Readonly<Record<string, string>>;
}

/** No request is begun with a token that may end on the way; and clocks differ. */
const marginSeconds = 60;
/** A source that failed is left alone for this long, however many people log in. */
const pauseMilliseconds = 1_000;
const maxTokenLength = 16 * 1024;

interface KnownToken {
  readonly token: string;
  readonly expiresAt: number;
}

/**
 * Remembers a token until shortly before its end. Whoever needs one meanwhile waits for the same question; while the
 * source fails, one that still holds is used to its end.
 * @throws ProviderFailure `client_token_…`
 */
export function createWorkloadToken({ ask }: TokenSource, clock: Clock): () => Promise<string> {
  let known: KnownToken | undefined;
  let asking: Promise<KnownToken> | undefined;
  let failure: { readonly error: unknown; readonly at: number } | undefined;

  async function renew(): Promise<KnownToken> {
    try {
      known = examine(await ask(), clock);
      failure = undefined;
      return known;
    } catch (error) {
      failure = { error, at: clock.nowMilliseconds() };
      throw error;
    } finally {
      asking = undefined;
    }
  }

  function demand(): Promise<KnownToken> {
    if (asking !== undefined) return asking;
    if (failure !== undefined && Math.abs(clock.nowMilliseconds() - failure.at) < pauseMilliseconds) {
      return Promise.reject(failure.error);
    }
    asking = renew();
    return asking;
  }

  return async () => {
    const now = clock.nowSeconds();
    if (known !== undefined && known.expiresAt - marginSeconds > now) return known.token;
    try {
      return (await demand()).token;
    } catch (error) {
      if (known !== undefined && known.expiresAt > clock.nowSeconds()) return known.token;
      throw error;
    }
  };
}

/**
 * What may be sent as a client assertion. Whoever issued it is for the provider to find out.
 * @throws ProviderFailure `client_token_malformed`
 */
export function checkTokenShape(value: unknown): string {
  const isToken =
    typeof value === 'string' && value.length <= maxTokenLength && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value);
  if (!isToken) throw new ProviderFailure('client_token_malformed');
  return value;
}

function examine(token: string, clock: Clock): KnownToken {
  const expiresAt = readExpiry(token);
  if (expiresAt <= clock.nowSeconds()) throw new ProviderFailure('client_token_expired');
  return { token, expiresAt };
}

function readExpiry(token: string): number {
  const [, payload = ''] = checkTokenShape(token).split('.');
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const expiresAt: unknown = typeof claims === 'object' && claims !== null ? Reflect.get(claims, 'exp') : 0;
    if (typeof expiresAt === 'number' && Number.isFinite(expiresAt)) return expiresAt;
  } catch {
    // Said below, without the text that is no JSON.
  }
  throw new ProviderFailure('client_token_malformed');
}
