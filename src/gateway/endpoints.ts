import { setTimeout } from 'node:timers/promises';

import { createAuthorizationEndpoint } from '../authorization-server/authorization/authorization-endpoint.ts';
import { createCallbackEndpoint } from '../authorization-server/authorization/callback-endpoint.ts';
import { createConsentEndpoint } from '../authorization-server/authorization/consent-endpoint.ts';
import { createAuthorizationServerMetadataEndpoint } from '../authorization-server/metadata/metadata-endpoint.ts';
import { createRegistrationEndpoint } from '../authorization-server/registration/registration-endpoint.ts';
import { createTokenEndpoint } from '../authorization-server/token/token-endpoint.ts';
import type { Clock } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import type { Sealer } from '../platform/sealing/sealer.ts';
import type { Store } from '../platform/store/store.ts';
import { createResourceMetadataEndpoint } from '../resource-server/metadata/resource-metadata-endpoint.ts';
import type { Emit } from '../services/audit/events.ts';
import { createClients } from '../services/clients/clients.ts';
import type { IdentityProvider } from '../services/identity/identity-provider.ts';
import type { RateLimits } from '../services/limits/rate-limits.ts';
import { createGrants } from '../services/tokens/grants.ts';
import type { Revocations } from '../services/tokens/revocations.ts';
import type { GatehouseConfig } from './config/config.ts';
import type { Endpoints } from './routes.ts';

export interface EndpointsDeps {
  readonly sealer: Sealer;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly revocations: Revocations;
  readonly identityProvider: IdentityProvider;
  readonly rateLimits: RateLimits;
  readonly emit: Emit;
}

/** Builds the rooms behind the public routes, each with the narrow part of the whole that it needs. */
export function createEndpoints(config: GatehouseConfig, deps: EndpointsDeps): Endpoints {
  const { sealer, store, clock, random, revocations, identityProvider, emit } = deps;
  const issuer = config.publicUrl;
  const resource = `${issuer}${config.upstream.path}`;
  const resourceName = config.resourceName;
  const { refreshWindowSeconds, grantLifetimeSeconds, accessTokenTtlSeconds, revokeBefore } = config.tokens;
  const identityRecheck = config.identityProvider.recheck;
  const { privateUseSchemes, ttlSeconds } = config.registration;
  const clients = createClients({ sealer, clock, registrationTtlSeconds: ttlSeconds, privateUseSchemes });
  const findClient = clients.find;
  const grants = createGrants({ store, clock, revocations, refreshWindowSeconds });
  const authorization = {
    issuer,
    resource,
    resourceName,
    renderConsentPage: config.renderConsentPage,
    findClient,
    identityProvider,
    identityProviderScopes: config.identityProvider.scopes,
    sealer,
    store,
    clock,
    random,
    grants,
    grantLifetimeSeconds,
    emit,
  };
  return {
    authorizationServerMetadata: createAuthorizationServerMetadataEndpoint({ issuer }),
    resourceMetadata: createResourceMetadataEndpoint({ issuer, resource, resourceName }),
    register: createRegistrationEndpoint({ clients, emit, privateUseSchemes }),
    authorize: createAuthorizationEndpoint(authorization),
    consent: createConsentEndpoint(authorization),
    callback: createCallbackEndpoint(authorization),
    token: createTokenEndpoint({
      issuer,
      resource,
      findClient,
      sealer,
      clock,
      random,
      grants,
    identityRecheck: identityRecheck.mode,
      revokeBefore,
      checkRefreshRate: (terms) => deps.rateLimits.checkRefresh(terms),
      emit,
    }),
  };
}
      accessTokenTtlSeconds,
      identity: { ...identityRecheck, provider: identityProvider },
      pause: (milliseconds) => setTimeout(milliseconds),
