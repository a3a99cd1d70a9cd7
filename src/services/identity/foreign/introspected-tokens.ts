import type { Clock } from '../../../platform/clock.ts';
import type { GuardedFetch } from '../../../platform/outbound/guarded-fetch.ts';
import type { JsonObject } from '../../requests/strict-json.ts';
import { judgeForeignClaims } from './foreign-claims.ts';
import {
  type ForeignVerdict,
  type IntrospectionAuthority,
  invalidToken,
  type ParseJson,
  refuseToken,
  type VerifyForeignToken,
} from './token-authority.ts';

export interface IntrospectedTokensDeps {
  readonly fetch: GuardedFetch;
  readonly parseJson: ParseJson;
  readonly clock: Clock;
}

/** RFC 6750 §2.1: the characters of a bearer token. What has others is nobody's, and nobody is asked about it. */
const tokenSyntax = /^[\w.~+/-]{1,8192}={0,2}$/;
/** After no answer nobody is asked for so long: a server that is down does not come up by being asked. */
const pauseMilliseconds = 2_000;

/**
 * Asks the issuer about each token. Any answer that is not plainly one counts as none: nobody is let in for it, and
 * nobody is told that their token is bad.   @see RFC 7662 §2
 */
export function createIntrospectedTokens(
  authority: IntrospectionAuthority,
  deps: IntrospectedTokensDeps,
): VerifyForeignToken {
  const { clock } = deps;
  const authorization = formatCredential(authority);
  let pausedUntilMs = 0;

  async function ask(token: string): Promise<JsonObject | undefined> {
    if (clock.nowMilliseconds() < pausedUntilMs) return undefined;
    const answer = await post(token).catch(() => undefined);
    if (answer === undefined) pausedUntilMs = clock.nowMilliseconds() + pauseMilliseconds;
    return answer;
  }

  async function post(token: string): Promise<JsonObject | undefined> {
    const response = await deps.fetch(authority.endpoint, {
      method: 'POST',
      headers: { authorization, accept: 'application/json' },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
    });
    const isJson = /^application\/json\s*(?:;|$)/i.test(response.headers.get('content-type') ?? '');
    // Also 401: it is our credential that is refused, not the token.
    if (response.status !== 200 || !isJson) return undefined;
    const reading = deps.parseJson(await response.text());
    return reading.outcome === 'read' && typeof reading.value['active'] === 'boolean'
      ? reading.value
      : undefined;
  }

  return async (token): Promise<ForeignVerdict> => {
    if (!tokenSyntax.test(token)) return invalidToken;
    const now = clock.nowSeconds();
    const answer = await ask(token);
    if (answer === undefined) return { outcome: 'unavailable' };
    const { active, iss, token_type: type } = answer;
    if (active !== true) return invalidToken;
    if (iss !== undefined && iss !== authority.issuer) return refuseToken('token_issuer_foreign');
    // Not one that is good without a proof of its key.
    if (type !== undefined && !(typeof type === 'string' && /^bearer$/i.test(type))) {
      return refuseToken('token_bound');
    }
    const verdict = judgeForeignClaims(answer, authority, { now, withoutExpiry: 'accepted' });
    if (verdict.outcome !== 'good') return verdict;
    return { ...verdict, freshUntil: now + authority.cacheSeconds };
  };
}

/** @see RFC 6749 §2.3.1: encoded as a form before it is joined */
function formatCredential({ clientId, clientSecret }: IntrospectionAuthority): string {
  const [id, secret] = [clientId, clientSecret].map((text) =>
    new URLSearchParams({ text }).toString().slice('text='.length),
  );
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
}
