/**
 * GET and POST /device: where a person says which device is theirs.
 *
 * GET shows the form, and looks nothing up: a link with a code in it (`verification_uri_complete`) fills the form in and
 * does nothing else, so that no page can make a browser go further, or learn which codes there are.
 *
 * POST, by a page of ours   403 cross_site_post
 * 1. the code is one that waits      else the form again, 400
 * 2. its client may still be used    401, a page
 * 3. its resource is still served    else the form again
 * 4. the consent page, always, with the code on it to compare; from there it is an authorization like any other, whose
 *    answer comes back to device-answer-endpoint.ts
 *
 * Writes nothing. How often codes may be guessed is the rate limit of this path: 34 bits, ten minutes each.
 * @see RFC 8628 §3.3, §5.1 (guessing), §5.4 (remote phishing)
 */
import type { Handler } from '../../platform/http/handler.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { Sealer } from '../../platform/sealing/sealer.ts';
import { computeCodeChallenge } from '../../protocol/pkce.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { Emit } from '../../services/audit/events.ts';
import type { FindClient } from '../../services/clients/client.ts';
import type {
  DeviceAuthorizations,
  PendingAuthorization,
} from '../../services/devices/device-authorizations.ts';
import { formatUserCode, parseUserCode, type UserCode } from '../../services/devices/user-code.ts';
import { readFormRequest } from '../../services/requests/form-request.ts';
import { checkSameOriginPost } from '../../services/requests/same-origin-post.ts';
import type { Resources } from '../../services/resources/resources.ts';
import type { AskForConsent } from '../authorization/begin-consent.ts';
import { answerUriOf } from './answer-uri.ts';
import { renderDevicePage } from './device-page.ts';
import { sealDeviceState } from './device-state.ts';

export interface DevicePageDeps {
  readonly issuer: string;
  readonly resources: Pick<Resources, 'find'>;
  readonly findClient: FindClient;
  readonly devices: Pick<DeviceAuthorizations, 'findPending'>;
  /** Shows the consent page, and leads to the login from there. */
  readonly askForConsent: AskForConsent;
  readonly sealer: Sealer;
  readonly random: Random;
  readonly clock: Clock;
  readonly emit: Emit;
}

export function createDevicePageEndpoint(deps: DevicePageDeps): Handler {
  const answerUri = answerUriOf(deps.issuer);

  async function askPerson(
    request: Request,
    code: UserCode,
    waiting: PendingAuthorization,
  ): Promise<Response> {
    const client = await deps.findClient(waiting.clientId);
    const codeVerifier = deps.random.token(32);
    return deps.askForConsent(request, {
      client,
      terms: {
        client: client.fingerprint,
        redirectUri: answerUri,
        state: sealDeviceState(deps.sealer, { ...waiting, codeVerifier }),
        codeChallenge: computeCodeChallenge(codeVerifier),
        resource: waiting.resource,
        scope: waiting.scope,
        reauthentication: { prompt: undefined, maxAgeSeconds: undefined },
        userCode: formatUserCode(code),
      },
    });
  }

  async function findWaiting(code: UserCode | undefined): Promise<PendingAuthorization | undefined> {
    const waiting = code === undefined ? undefined : await deps.devices.findPending(code);
    // One that is taken away by a reload is answered like a code that nobody has.
    return waiting !== undefined && deps.resources.find(waiting.resource) !== undefined ? waiting : undefined;
  }

  function askAgain(typed: string, requestId: string): Response {
    const reason: RefusalReason = 'user_code_unknown';
    deps.emit({ type: 'request_refused', endpoint: 'device', reason, status: 400 }, requestId);
    return renderDevicePage({ typed, isUnknown: true });
  }

  return async (request, context) => {
    if (request.method !== 'POST') {
      const typed = new URL(request.url).searchParams.get('user_code') ?? '';
      return renderDevicePage({ typed, isUnknown: false });
    }
    checkSameOriginPost(request, deps.issuer);
    const typed = (await readFormRequest(request)).find('user_code') ?? '';
    const code = parseUserCode(typed);
    const waiting = await findWaiting(code);
    if (code === undefined || waiting === undefined) return askAgain(typed, context.requestId);
    return askPerson(request, code, waiting);
  };
}
