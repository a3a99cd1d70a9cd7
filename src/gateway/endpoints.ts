import { setTimeout } from 'node:timers/promises';

import { createAuthorizationEndpoint } from '../authorization-server/authorization/authorization-endpoint.ts';
import { createCallbackEndpoint } from '../authorization-server/authorization/callback-endpoint.ts';
import { createConsentEndpoint } from '../authorization-server/authorization/consent-endpoint.ts';
import { createBackchannelLogoutEndpoint } from '../authorization-server/backchannel-logout/backchannel-logout-endpoint.ts';
import { createAuthorizationServerMetadataEndpoint } from '../authorization-server/metadata/metadata-endpoint.ts';
import { createIntrospectionEndpoint } from '../authorization-server/introspection/introspection-endpoint.ts';
import { createRegistrationManagementEndpoint } from '../authorization-server/registration/management-endpoint.ts';
import { createRegistrationEndpoint } from '../authorization-server/registration/registration-endpoint.ts';
import { createRevocationEndpoint } from '../authorization-server/revocation/revocation-endpoint.ts';
import { createKeyProof } from '../authorization-server/token/key-proof.ts';
import { createTokenEndpoint, type NamedGrantType } from '../authorization-server/token/token-endpoint.ts';
import type { Clock } from '../platform/clock.ts';
import type { OutboundNetwork } from '../platform/outbound/outbound-network.ts';
import type { Random } from '../platform/random.ts';
import type { Sealer } from '../platform/sealing/sealer.ts';
import type { Store } from '../platform/store/store.ts';
import type { Admissions } from '../resource-server/admission/admit.ts';
import type { Emit } from '../services/audit/events.ts';
import { createClientAuthentication } from '../services/clients/client-authentication.ts';
import type { AuthenticationMethod, Client, ClientFingerprint } from '../services/clients/client.ts';
import type { DeniedClients } from '../services/clients/denied-clients.ts';
import type { ConfiguredClients } from '../services/clients/configured-clients.ts';
import { createClients } from '../services/clients/clients.ts';
import type { ProofNonces } from '../services/dpop/nonces.ts';
import { proofAlgorithms } from '../services/dpop/proof-key.ts';
import type { EntryGate } from '../services/entry/entry-gate.ts';
import type { TrustedIssuers } from '../services/identity/assertions/trusted-issuers.ts';
import type { IdentityProviders } from '../services/identity/identity-providers.ts';
import { createLogoutVerification } from '../services/identity/logout-issuer.ts';
import type { RateLimits } from '../services/limits/rate-limits.ts';
import type { Resources } from '../services/resources/resources.ts';
import type { GrantTidying } from '../services/tokens/grant-tidying.ts';
import { createGrants } from '../services/tokens/grants.ts';
import type { Revocations } from '../services/tokens/revocations.ts';
import { openAccountPage } from './account-page.ts';
import { callbackPathOf } from './callback-paths.ts';
import type { GatehouseConfig } from './config/config.ts';
import { listOfferedGrantTypes, offerDeviceCode, openDeviceAuthorization } from './device-authorization.ts';
import { clientCredentials, standardGrantTypes } from './grant-types.ts';
import { createIdentityRules } from './identity-rules.ts';
import { openClientDocuments, routeClientIds } from './open-client-documents.ts';
import type { Endpoints } from './routes.ts';
import { offerJwtBearer, openTrustedIssuers } from './trusted-issuers.ts';

export interface EndpointsDeps {
  readonly sealer: Sealer;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly revocations: Revocations;
  readonly deniedClients: DeniedClients;
  readonly configuredClients: ConfiguredClients;
  readonly trustedIssuers: TrustedIssuers;
  /** Every group that rules and settings ask for at this moment. */
  readonly groupsOfRules: () => ReadonlySet<string>;
  readonly admissions: Pick<Admissions, 'findActive'>;
  /** Undefined: records of grants stay as they are. */
  readonly grantTidying: GrantTidying | undefined;
  readonly resources: Resources;
  readonly entryGate: EntryGate;
  readonly identityProviders: IdentityProviders;
  /** What proofs of keys have to name. Undefined: nothing. */
  readonly proofNonces: ProofNonces | undefined;
  readonly rateLimits: RateLimits;
  /** In place of the one of this machine. */
  readonly network: OutboundNetwork | undefined;
  readonly emit: Emit;
}

/** Builds the rooms behind the public routes, each with the narrow part of the whole that it needs. */
export function createEndpoints(config: GatehouseConfig, deps: EndpointsDeps): Endpoints {
  const { sealer, store, clock, random, revocations, deniedClients, identityProviders, emit } = deps;
  const { introspectionClients } = config;
  const issuer = config.publicUrl;
  const { resources, entryGate } = deps;
  const { refreshWindowSeconds, grantLifetimeSeconds, accessTokenTtlSeconds, revokeBefore } = config.tokens;
  const { identityRecheck } = config;
  const { privateUseSchemes, ttlSeconds } = config.registration;
  const isClientDenied = (client: ClientFingerprint): boolean => deniedClients.isDenied(client);
  const clients = createClients({
    sealer,
    clock,
    registrationTtlSeconds: ttlSeconds,
    privateUseSchemes,
    isDenied: isClientDenied,
  });
  const documents = openClientDocuments(config, { clock, network: deps.network, isDenied: isClientDenied });
  const { configuredClients: configured } = deps;
  const sources = { configured, registered: clients.find };
  const { deviceAuthorization } = config;
  const offered = listOfferedGrantTypes(deviceAuthorization);
  const findAsking = offerDeviceCode(
    deviceAuthorization,
    routeClientIds({ ...sources, documented: documents.clients?.find }),
  );
  const findClient = offerJwtBearer(
    deps.trustedIssuers,
    offerDeviceCode(
      deviceAuthorization,
      routeClientIds({ ...sources, documented: documents.clients?.findKnown }),
    ),
  );
  const authenticateClient = createClientAuthentication({
    findClient,
    assertions: { clock, store, publishedKeys: documents.keys, audiences: [issuer, `${issuer}/token`] },
  });
  const { grantTidying: tidying } = deps;
  const grants = createGrants({ store, clock, revocations, refreshWindowSeconds, tidying });
  const account = openAccountPage(config.accountPage, {
    issuer,
    resources,
    identityProviders,
    sealer,
    store,
    clock,
    random,
    grants,
    revocations,
    grantLifetimeSeconds,
    revokeBefore,
    emit,
  });
  const authorization = {
    issuer,
    resources,
    accountSessions: account?.sessions,
    accountUrl: account?.url,
    renderConsentPage: config.renderConsentPage,
    findClient: findAsking,
    isClientDenied,
    entry: entryGate,
    identityProviders,
    sealer,
    store,
    clock,
    random,
    grants,
    grantLifetimeSeconds,
    identityRecheck: identityRecheck.mode,
    emit,
  };
  const device = openDeviceAuthorization(deviceAuthorization, {
    ...authorization,
    grants,
    authenticateClient,
  });
  const enterprise = openTrustedIssuers(deps.trustedIssuers, {
    issuer,
    clock,
    store,
    revocations,
    groupsOfRules: deps.groupsOfRules,
  });
  const grantTypes = (): readonly NamedGrantType[] => [
    ...standardGrantTypes,
    ...(configured.all().some((client) => client.grantTypes.includes(clientCredentials.name))
      ? [clientCredentials]
      : []),
    ...device.grantTypes,
    ...enterprise.grantTypes(),
  ];
  return {
    authorizationServerMetadata: createAuthorizationServerMetadataEndpoint({
      issuer,
      introspectionEnabled: introspectionClients.length > 0,
      grantTypes: () => grantTypes().map(({ name }) => name),
      deviceAuthorizationEnabled: deviceAuthorization,
      grantProfiles: enterprise.grantProfiles,
      proofAlgorithms: () =>
        resources.all().some(({ dpop = 'off' }) => dpop !== 'off') ? proofAlgorithms : [],
      scopes: () => resources.all().flatMap(({ scopes }) => scopes.declared.map(({ name }) => name)),
      registrationEnabled: config.registration.enabled,
      clientDocumentsEnabled: documents.clients !== undefined,
      authenticationMethods: () =>
        listAuthenticationMethods(configured.all(), documents.clients !== undefined),
    }),
    register: config.registration.enabled
      ? createRegistrationEndpoint({ issuer, clients, sealer, emit, grantTypes: offered, privateUseSchemes })
      : undefined,
    registration: createRegistrationManagementEndpoint({
      issuer,
      clients,
      deniedClients,
      revocations,
      sealer,
      clock,
      emit,
      grantTypes: offered,
      privateUseSchemes,
    }),
    device: device.endpoints,
    account: account?.endpoint,
    revoke: createRevocationEndpoint({ authenticateClient, sealer, clock, grants, emit }),
    introspect:
      introspectionClients.length === 0
        ? undefined
        : createIntrospectionEndpoint({
            issuer,
            clients: introspectionClients,
            findClientId: (client) => configured.known(client)?.clientId,
            findActive(token, { mounts }) {
              const active = deps.admissions.findActive(token, (resource) => {
                const found = resources.find(resource);
                return found !== undefined && (mounts?.includes(found.mount ?? '') ?? true);
              });
              const isRefused = active !== undefined && entryGate.judge(active.grant) !== undefined;
              return isRefused ? undefined : active;
            },
          }),
    authorize: createAuthorizationEndpoint(authorization),
    consent: createConsentEndpoint(authorization),
    callbacks: identityProviders.all.map((own) => ({
      path: callbackPathOf(config, own),
      handler: createCallbackEndpoint(authorization, own),
    })),
    backchannelLogout: createBackchannelLogoutEndpoint({
      verifyLogout: createLogoutVerification(identityProviders),
      nameProvider: (name) => identityProviders.findByIssuer(name)?.name,
      store,
      revocations,
      clock,
      emit,
    }),
    token: createTokenEndpoint({
      grantTypes,
      proveKey: createKeyProof({ tokenUri: `${issuer}/token`, clock, store, nonces: deps.proofNonces }),
      nextNonce: deps.proofNonces?.current,
      issuer,
      resources,
      authenticateClient,
      sealer,
      clock,
      random,
      grants,
      personGrants: account?.personGrants,
      revokeBefore,
      accessTokenTtlSeconds,
      identity: {
        ...identityRecheck,
        ...createIdentityRules(identityProviders, resources),
        entry: entryGate,
      },
      pause: (milliseconds) => setTimeout(milliseconds),
      checkRefreshRate: (terms) => deps.rateLimits.checkRefresh(terms),
      emit,
    }),
  };
}

/** `none` is for all who register themselves; the others as far as there is a client that uses them. */
function listAuthenticationMethods(
  configured: readonly Client[],
  documentsEnabled: boolean,
): readonly AuthenticationMethod[] {
  const used = new Set(configured.map(({ authentication }) => authentication.method));
  if (documentsEnabled) used.add('private_key_jwt');
  used.delete('none');
  return ['none', ...[...used].toSorted()];
}
