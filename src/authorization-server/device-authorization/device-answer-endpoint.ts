/**
 * GET /device/answer: the redirect URI of an authorization that began on the device page. It makes of the person's answer
 * what the device is told.
 *
 * 1. the state is ours and its device code not over               400, a page
 * 2. an error: `access_denied` is the answer "no"; any other leaves the device waiting, and the person tries again
 * 3. a code: of the very authorization that this state was made for (PKCE, redirect URI, not expired)   400, a page
 * 4. a grant of its own is opened, to be redeemed until the device code is over; the code's own lapses unredeemed
 * 5. recorded, once                                               else 400, a page
 *
 * It comes by a redirect and so changes something on a GET; whoever can make that URL has been asked and has logged in.
 * The code is good for this alone: at the token endpoint nobody has its verifier, which is sealed in the state.
 * @see RFC 8628 §3.3, RFC 9207 §2, RFC 9700 §4.5
 */
import type { Clock } from '../../platform/clock.ts';
import type { Handler } from '../../platform/http/handler.ts';
import type { Random } from '../../platform/random.ts';
import { type Sealer, SealTooLargeError } from '../../platform/sealing/sealer.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { parseParameters, type RequestParameters } from '../../protocol/parameters.ts';
import { checkCodeVerifier } from '../../protocol/pkce.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { DeviceAuthorizations } from '../../services/devices/device-authorizations.ts';
import { type AuthorizationCode, openAuthorizationCode } from '../../services/tokens/authorization-code.ts';
import { type DeviceApproval, sealDeviceApproval } from '../../services/tokens/device-approval.ts';
import type { Grants } from '../../services/tokens/grants.ts';
import { answerUriOf } from './answer-uri.ts';
import { renderAnsweredPage } from './device-page.ts';
import { type DeviceState, openDeviceState } from './device-state.ts';

export interface DeviceAnswerDeps {
  readonly issuer: string;
  readonly devices: Pick<DeviceAuthorizations, 'answer'>;
  readonly grants: Pick<Grants, 'open'>;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
}

export function createDeviceAnswerEndpoint(deps: DeviceAnswerDeps): Handler {
  const answerUri = answerUriOf(deps.issuer);

  function readState(parameters: RequestParameters): DeviceState {
    const state = openDeviceState(deps.sealer, parameters.find('state') ?? '');
    if (state !== undefined && state.expiresAt > deps.clock.nowSeconds()) return state;
    throw refuse('This request has expired; start again on your device', 'device_state_invalid');
  }

  function readCode(parameters: RequestParameters, state: DeviceState): AuthorizationCode {
    const code = openAuthorizationCode(deps.sealer, parameters.find('code') ?? '');
    const isLive = code !== undefined && code.expiresAt > deps.clock.nowSeconds();
    if (!isLive || code.redirectUri !== answerUri) {
      throw refuse('This sign-in has expired; start again on your device', 'code_invalid');
    }
    checkCodeVerifier(state.codeVerifier, code.codeChallenge);
    return code;
  }

  async function approve(code: AuthorizationCode, state: DeviceState): Promise<void> {
    // The code's grant ends with the code; a device may ask only after that.
    const terms = { ...code.terms, grantId: deps.random.token(16) };
    const approval = sealApproval(deps.sealer, { terms, identityToken: code.identityToken });
    await deps.grants.open(terms, state.expiresAt);
    if (!(await deps.devices.answer(state, { outcome: 'approved', approval }))) throw answeredBefore();
  }

  return async (request) => {
    const parameters = parseParameters(new URL(request.url).searchParams);
    const state = readState(parameters);
    const error = parameters.find('error');
    if (error === undefined) {
      await approve(readCode(parameters, state), state);
      return renderAnsweredPage('approved');
    }
    if (error !== 'access_denied') return renderAnsweredPage('failed');
    if (!(await deps.devices.answer(state, { outcome: 'denied' }))) throw answeredBefore();
    return renderAnsweredPage('denied');
  };
}

/** What the identity provider wants to be asked with is long with some: it is left out before the login fails. */
function sealApproval(sealer: Sealer, approval: DeviceApproval): string {
  try {
    return sealDeviceApproval(sealer, approval);
  } catch (error) {
    if (!(error instanceof SealTooLargeError)) throw error;
    throw new OAuthError('server_error', 'The sign-in could not be kept for the device', {
      reason: 'token_issue_failed',
      cause: error,
    });
  }
}

function answeredBefore(): OAuthError {
  return refuse('This request was answered already; look at your device', 'device_answered');
}

function refuse(description: string, reason: RefusalReason): OAuthError {
  return new OAuthError('invalid_request', description, { reason });
}
