import type * as openIdClient from 'openid-client';

import type { ClientCredential } from './client-credential.ts';
import type { OverageSettings } from './group-overage.ts';
import type { GroupsSource } from './groups-claim.ts';

/** How one OpenID provider is reached and believed. */
export interface OpenIdSettings extends GroupsSource {
  /** Compared byte for byte with what the provider says it is. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Default: the secret. */
  readonly clientCredential?: ClientCredential;
  readonly scopes: readonly string[];
  /** Of the authorization request, beyond those of every login and under them. Default: none. */
  readonly authorizationParameters?: Readonly<Record<string, string>>;
  /** Claims of the ID token that must have one of these values, by name. Default: none. */
  readonly requiredClaims?: Readonly<Record<string, readonly string[]>>;
  /** Default: claims say all groups there are. */
  readonly overage?: OverageSettings | undefined;
  /** Whoever is in a group is in those below it, as their paths have it. Default: groups have no order. */
  readonly inheritsGroups?: boolean;
  /** Plain http for the provider's endpoints: codes and secrets readable on the way. Development only. */
  readonly allowInsecureHttp: boolean;
  /** Keep an e-mail address although the provider does not say that it is verified. */
  readonly trustUnverifiedEmail: boolean;
  /** Undefined: unlimited. */
  readonly exchangeRatePerSecond: number | undefined;
  readonly exchangeBurst: number;
}

/** openid-client as a value: it is loaded when first needed, since a start should not wait for it. */
export type OpenIdClient = typeof openIdClient;

/** A provider whose discovery document was read and checked. */
export interface DiscoveredProvider {
  readonly client: OpenIdClient;
  readonly metadata: openIdClient.ServerMetadata;
}
