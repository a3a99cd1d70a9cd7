import { createJwtBearerGrant } from '../authorization-server/token/jwt-bearer-grant.ts';
import type { NamedGrantType } from '../authorization-server/token/token-endpoint.ts';
import type { Clock } from '../platform/clock.ts';
import type { Store } from '../platform/store/store.ts';
import type { FindClient, GrantTypeName } from '../services/clients/client.ts';
import { verifyIdentityAssertion } from '../services/identity/assertions/identity-assertion.ts';
import type { IssuerKeys, KeyHolder } from '../services/identity/assertions/issuer-keys.ts';
import type { TrustedIssuers } from '../services/identity/assertions/trusted-issuers.ts';
import type { Revocations } from '../services/tokens/revocations.ts';
import { openIssuerFetch, openIssuerKeys } from './foreign-tokens.ts';

const jwtBearer: GrantTypeName = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const idJag = 'urn:ietf:params:oauth:grant-profile:id-jag';

export interface TrustedIssuersDeps {
  readonly issuer: string;
  readonly clock: Clock;
  readonly store: Store;
  readonly revocations: Revocations;
  /** Every group that is asked for at this moment. */
  readonly groupsOfRules: () => ReadonlySet<string>;
}

export interface EnterpriseAuthorization {
  readonly grantTypes: () => readonly NamedGrantType[];
  /** As metadata names them. */
  readonly grantProfiles: () => readonly string[];
}

/** Takes the word of these issuers for who somebody is. While there are none, there is no such grant type. */
export function openTrustedIssuers(
  trusted: Pick<TrustedIssuers, 'all' | 'tenureOf'>,
  deps: TrustedIssuersDeps,
): EnterpriseAuthorization {
  const { clock, store, revocations, groupsOfRules } = deps;
  const keys = openKeys(trusted, clock);
  const assertions = {
    audience: deps.issuer,
    issuers: () => trusted.all(),
    keys,
    groupsOfRules,
    store,
    clock,
  };
  const exchange = createJwtBearerGrant({
    verifyAssertion: (assertion, client) => verifyIdentityAssertion(assertion, client.clientId, assertions),
    revocations,
  });
  const whileTrusted =
    <Item>(item: Item) =>
    (): readonly Item[] =>
      trusted.all().length === 0 ? [] : [item];
  return {
    grantTypes: whileTrusted({ name: jwtBearer, exchange }),
    grantProfiles: whileTrusted(idJag),
  };
}

/** Of each issuer by themselves, and only while it is trusted. */
function openKeys(trusted: Pick<TrustedIssuers, 'tenureOf'>, clock: Clock): IssuerKeys {
  const fetch = openIssuerFetch();
  const opened = new WeakMap<object, IssuerKeys>();
  function keysOf({ issuer }: KeyHolder): IssuerKeys {
    const tenure = trusted.tenureOf(issuer);
    const keys = opened.get(tenure) ?? openIssuerKeys(fetch, clock);
    opened.set(tenure, keys);
    return keys;
  }
  return {
    find: (holder) => keysOf(holder).find(holder),
    renew: (holder) => keysOf(holder).renew(holder),
  };
}

/** Clients that the operator named for an issuer may come with its assertions. */
export function offerJwtBearer(trusted: Pick<TrustedIssuers, 'names'>, find: FindClient): FindClient {
  return async (clientId) => {
    const client = await find(clientId);
    if (!trusted.names(client.clientId) || client.grantTypes.includes(jwtBearer)) return client;
    return { ...client, grantTypes: [...client.grantTypes, jwtBearer] };
  };
}
