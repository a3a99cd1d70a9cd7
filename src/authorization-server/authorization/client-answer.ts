import { AuthorizationError, OAuthError, type PersonNotice } from '../../protocol/oauth-error.ts';
import type { RequestedTerms } from './transaction.ts';

/** Where an answer to the client goes. It can only be built from a verified redirect URI. */
export interface ClientAnswer extends Pick<RequestedTerms, 'redirectUri' | 'state'> {
  /** Whether a person has acted in this flow already (RFC 9700 §4.11.2). */
  readonly afterHumanStep: boolean;
  /** Set-Cookie value that ends what bound the flow to its browser, if it has begun. */
  readonly cookie?: string;
}

/**
 * Turns a refusal into the one that the client learns by redirect. What is no refusal of ours (a bug, say) stays what
 * it is: an unknown error is never told to a client.
 */
export function toClient(error: unknown, answer: ClientAnswer, notice?: PersonNotice): unknown {
  if (!(error instanceof OAuthError) || error instanceof AuthorizationError) return error;
  return new AuthorizationError(error.code, error.description, {
    reason: error.reason,
    cause: error.cause,
    redirectUri: answer.redirectUri,
    state: answer.state,
    afterHumanStep: answer.afterHumanStep,
    ...(notice === undefined ? {} : { notice }),
    ...(answer.cookie === undefined ? {} : { headers: { 'set-cookie': answer.cookie } }),
  });
}
