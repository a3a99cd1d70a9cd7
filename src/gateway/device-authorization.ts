import {
  type BeginConsentDeps,
  createBeginConsent,
} from '../authorization-server/authorization/begin-consent.ts';
import { createDeviceAnswerEndpoint } from '../authorization-server/device-authorization/device-answer-endpoint.ts';
import { createDeviceAuthorizationEndpoint } from '../authorization-server/device-authorization/device-authorization-endpoint.ts';
import { createDevicePageEndpoint } from '../authorization-server/device-authorization/device-page-endpoint.ts';
import { createDeviceCodeGrant } from '../authorization-server/token/device-code-grant.ts';
import type { NamedGrantType } from '../authorization-server/token/token-endpoint.ts';
import type { Store } from '../platform/store/store.ts';
import type { Emit } from '../services/audit/events.ts';
import type { AuthenticateClient } from '../services/clients/client-authentication.ts';
import { browserGrantTypes, type FindClient, type GrantTypeName } from '../services/clients/client.ts';
import { createDeviceAuthorizations } from '../services/devices/device-authorizations.ts';
import type { Grants } from '../services/tokens/grants.ts';
import type { Endpoints } from './routes.ts';

const deviceCode: GrantTypeName = 'urn:ietf:params:oauth:grant-type:device_code';

export interface DeviceAuthorizationDeps extends BeginConsentDeps {
  readonly store: Store;
  readonly findClient: FindClient;
  readonly authenticateClient: AuthenticateClient;
  readonly grants: Grants;
  readonly emit: Emit;
}

export interface DeviceAuthorization {
  readonly grantTypes: readonly NamedGrantType[];
  readonly endpoints: Endpoints['device'];
}

/** Everything that signs devices in, from their first request to their tokens. Off: nothing. */
export function openDeviceAuthorization(isOn: boolean, deps: DeviceAuthorizationDeps): DeviceAuthorization {
  if (!isOn) return { grantTypes: [], endpoints: undefined };
  const devices = createDeviceAuthorizations(deps);
  return {
    grantTypes: [{ name: deviceCode, exchange: createDeviceCodeGrant(devices) }],
    endpoints: {
      begin: createDeviceAuthorizationEndpoint({ ...deps, devices }),
      page: createDevicePageEndpoint({ ...deps, devices, askForConsent: createBeginConsent(deps) }),
      answer: createDeviceAnswerEndpoint({ ...deps, devices }),
    },
  };
}

/** What clients that register themselves may use. */
export function listOfferedGrantTypes(isOn: boolean): readonly GrantTypeName[] {
  return isOn ? [...browserGrantTypes, deviceCode] : browserGrantTypes;
}

/** Clients that register themselves may do whatever is offered; what the others may, the operator has written down. */
export function offerDeviceCode(isOn: boolean, find: FindClient): FindClient {
  if (!isOn) return find;
  return async (clientId) => {
    const client = await find(clientId);
    if (client.preRegistered === true) return client;
    return { ...client, grantTypes: [...client.grantTypes, deviceCode] };
  };
}
