import { OAuthError, type OAuthErrorCode } from '../../protocol/oauth-error.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { DeviceAuthorizations, Poll } from '../../services/devices/device-authorizations.ts';
import { type DeviceApproval, openDeviceApproval } from '../../services/tokens/device-approval.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { limitGranted } from './client-limits.ts';
import { checkResource } from './granted-resource.ts';
import type { GrantType, TokenDeps, TokenRequest } from './grant-type.ts';
import { redeemApproval } from './redeem-approval.ts';
import type { IssuedTokens } from './token-response.ts';

/**
 * Exchanges a device code, once a person has approved it. Until then every question is answered with what to do next.
 * As with an authorization code, the one that is redeemed again ends the grant that it began.
 * @throws OAuthError `invalid_request` (`parameter_missing`), `invalid_target` (`resource_mismatch`),
 * `authorization_pending`, `slow_down` (`polled_too_often`), `expired_token` (`device_code_expired`), `access_denied`
 * (400, `device_denied`), `invalid_grant` (`device_code_invalid`, `client_mismatch`, `device_code_replay`,
 * `token_revoked_iat_cutoff`), and what `limitGranted` and `bindTokens` throw
 * @see RFC 8628 §3.4 and §3.5, RFC 8707 §2.2
 */
export function createDeviceCodeGrant(devices: Pick<DeviceAuthorizations, 'poll'>): GrantType {
  return async (request, deps) => {
    const deviceCode = request.parameters.find('device_code');
    if (deviceCode === undefined) {
      throw new OAuthError('invalid_request', 'device_code is required', { reason: 'parameter_missing' });
    }
    const poll = await devices.poll(deviceCode, request.client.fingerprint);
    if (poll.outcome !== 'approved') throw refuse(poll.outcome);
    const opened = openDeviceApproval(deps.sealer, poll.approval);
    // Of a key that is gone since: the device begins anew.
    if (opened === undefined) throw refuse('expired');
    const approval = { ...opened, terms: checkApproval(opened.terms, request, deps) };
    return redeem(approval, request, deps);
  };
}

/** Returns what the grant is now. */
function checkApproval(terms: GrantTerms, { client, parameters }: TokenRequest, deps: TokenDeps): GrantTerms {
  if (terms.client !== client.fingerprint) throw refuse('foreign');
  if (deps.revokeBefore !== undefined && terms.grantedAt < deps.revokeBefore) {
    throw invalidCode('token_revoked_iat_cutoff');
  }
  // Only what this deployment still serves.
  const resource = deps.resources.find(terms.resource);
  if (resource === undefined) throw invalidCode('device_code_invalid');
  checkResource(parameters.all('resource'), terms, deps.resources);
  return limitGranted(terms, client, resource);
}

async function redeem(
  approval: DeviceApproval,
  request: TokenRequest,
  deps: TokenDeps,
): Promise<IssuedTokens> {
  const issued = await redeemApproval(approval, 'device', request, deps);
  if (typeof issued !== 'string') return issued;
  throw issued === 'unknown' ? refuse('expired') : invalidCode('device_code_replay');
}

type Refused = Exclude<Poll['outcome'], 'approved'>;

const refusals: Readonly<Record<Refused, readonly [OAuthErrorCode, RefusalReason, string]>> = {
  pending: ['authorization_pending', 'authorization_pending', 'Nobody has answered yet'],
  'too-early': ['slow_down', 'polled_too_often', 'Ask less often: five seconds more between two questions'],
  denied: ['access_denied', 'device_denied', 'The person denied the request'],
  expired: ['expired_token', 'device_code_expired', 'The device code has expired; begin anew'],
  invalid: ['invalid_grant', 'device_code_invalid', 'The device code is not valid'],
  foreign: ['invalid_grant', 'client_mismatch', 'The device code is not valid'],
};

function refuse(outcome: Refused): OAuthError {
  const [code, reason, description] = refusals[outcome];
  // RFC 6749 §5.2: 400, whatever the code has elsewhere.
  return new OAuthError(code, description, { reason, status: 400 });
}

function invalidCode(reason: RefusalReason): OAuthError {
  return new OAuthError('invalid_grant', 'The device code is not valid', { reason });
}
