/**
 * POST /backchannel-logout: the identity provider says that a session of a person is over, or all of them.
 *
 * Owns what a logout ends here: the grants of that session, or of that person up to the moment of the logout. Whether
 * the token is the provider's is services/identity's to say; how every replica learns of it, services/tokens'.
 *
 * 1. one logout token, in a form, and nothing twice       400
 * 2. verified: signature, issuer, audience, age, event    400; 503 when the provider's keys cannot be had
 * 3. never seen before                                    400
 * 4. cut off                                              503 when the store cannot record it; the same token may come
 *                                                         again until it could
 *
 * There is no person and no browser here, and nothing in the answer: 200 says that they are out.
 * @see OpenID Connect Back-Channel Logout §2.5 to §2.8
 */
import { createHash } from 'node:crypto';

import type { Clock } from '../../platform/clock.ts';
import type { Handler } from '../../platform/http/handler.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { OAuthError, storeUnavailable } from '../../protocol/oauth-error.ts';
import type { Emit } from '../../services/audit/events.ts';
import type { Logout } from '../../services/identity/identity-provider.ts';
import { readFormRequest } from '../../services/requests/form-request.ts';
import { type CutOff, personKey, sessionKey, untilNow } from '../../services/tokens/cut-off.ts';
import type { Revocations } from '../../services/tokens/revocations.ts';

export interface BackchannelLogoutDeps {
  /** As of the identity provider that the token says it is from. */
  readonly verifyLogout: (token: string) => Promise<Logout>;
  /** What the identity provider of an issuer is called in the configuration. */
  readonly nameProvider: (issuer: string) => string | undefined;
  readonly store: Pick<Store, 'get' | 'putIfAbsent' | 'replace'>;
  readonly revocations: Pick<Revocations, 'cutOff'>;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** A login that began before its session ended may still be on its way to us. */
const straggleSeconds = 600;

/**
 * @throws OAuthError `invalid_request` (`parameter_missing`, `logout_token_invalid`, `logout_token_replay`),
 * `temporarily_unavailable` (`idp_unavailable`, `replay_store_unavailable`)
 */
export function createBackchannelLogoutEndpoint(deps: BackchannelLogoutDeps): Handler {
  return async (request, context) => {
    const parameters = await readFormRequest(request);
    const token = parameters.find('logout_token');
    if (token === undefined) {
      throw new OAuthError('invalid_request', 'logout_token is required', { reason: 'parameter_missing' });
    }
    const logout = await deps.verifyLogout(token);
    await endOnce(logout, planCutOffs(logout, deps.clock), deps);
    const { issuer, subject, sessionId } = logout;
    const kind = sessionId === undefined ? 'subject' : 'session';
    const identityProvider = deps.nameProvider(issuer);
    const named = { ...(subject === undefined ? {} : { subject }), identityProvider };
    deps.emit({ type: 'backchannel_logout', kind, ...named }, context.requestId);
    return new Response(null, { status: 200, headers: { 'cache-control': 'no-store' } });
  };
}

/** §2.7: with a session named, that session; the person has others on other devices. */
function planCutOffs({ issuer, subject, sessionId, issuedAt }: Logout, clock: Clock): readonly CutOff[] {
  const now = clock.nowSeconds();
  // Up to the logout and not to its arrival: who has logged in again since is not meant.
  const before = untilNow(Math.min(issuedAt, now));
  const person = subject === undefined ? undefined : personKey(issuer, subject);
  if (sessionId === undefined) {
    return person === undefined ? [] : [{ kind: 'subject', key: person, before }];
  }
  const key = sessionKey(issuer, sessionId);
  const session: CutOff = { kind: 'session', key, before: now + straggleSeconds };
  // A login whose ID token named no session may have been this one: it must not outlive a logout that we answer with 200.
  return person === undefined ? [session] : [session, { kind: 'sessionless', key: person, before }];
}

async function endOnce(
  logout: Logout,
  cutOffs: readonly CutOff[],
  deps: BackchannelLogoutDeps,
): Promise<void> {
  // With the issuer: one identity provider must not use up the names of another's tokens.
  const name = `${logout.issuer}\n${logout.tokenId}`;
  const key = `logout_jti:${createHash('sha256').update(name).digest('base64url')}`;
  const { store, revocations } = deps;
  const until = logout.acceptableUntil;
  try {
    // Begun and not done: the provider sends the same token again after a failure, and must be heard then.
    const isNew = await store.putIfAbsent(key, begun, until);
    if (!isNew && (await store.get(key)) !== begun) throw replayed();
    for (const cutOff of cutOffs) await revocations.cutOff(cutOff);
    await store.replace(key, begun, done, until);
  } catch (error) {
    throw error instanceof StoreError ? storeUnavailable(error) : error;
  }
}

const begun = '0';
const done = '1';

function replayed(): OAuthError {
  return new OAuthError('invalid_request', 'The logout token was used before', {
    reason: 'logout_token_replay',
  });
}
