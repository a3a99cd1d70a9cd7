import type { Clock } from '../platform/clock.ts';
import { createGuardedFetch } from '../platform/outbound/guarded-fetch.ts';
import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import {
  createForeignAdmission,
  type ForeignAdmission,
} from '../resource-server/admission/foreign-admission.ts';
import type { AdmittingResource } from '../resource-server/admission/refused-calls.ts';
import { fingerprintClientId } from '../services/clients/client.ts';
import { createFetchBudget } from '../services/clients/fetch-budget.ts';
import { fetchJsonDocument } from '../services/clients/json-document.ts';
import { createPublishedKeys } from '../services/clients/published-keys.ts';
import { createIssuerKeys, type IssuerKeys } from '../services/identity/assertions/issuer-keys.ts';
import { isAllowedGroup } from '../services/identity/claims.ts';
import { createHmacTokens } from '../services/identity/foreign/hmac-tokens.ts';
import { createIntrospectedTokens } from '../services/identity/foreign/introspected-tokens.ts';
import { createJwtTokens } from '../services/identity/foreign/jwt-tokens.ts';
import type { TokenAuthority, VerifyForeignToken } from '../services/identity/foreign/token-authority.ts';
import { parseStrictJson } from '../services/requests/strict-json.ts';
import type { Revocations } from '../services/tokens/revocations.ts';
import type { GatehouseConfig } from './config/config.ts';
import { version } from './version.ts';

const totalTimeoutMs = 5_000;
/** Identity providers publish certificates beside their keys. */
const maxBytes = 128 * 1024;

/** Admission to mounts that take the tokens of somebody else. The keys of an issuer are the same for all of them. */
export interface ForeignTokens {
  /** @param passesOn whether the upstream gets the tokens */
  admissionFor(authority: TokenAuthority, resource: AdmittingResource, passesOn: boolean): ForeignAdmission;
}

export interface ForeignTokensDeps {
  readonly clock: Clock;
  readonly revocations: Revocations;
  readonly log: Logger;
}

export function openForeignTokens(
  { tokens, limits, identityProviders }: Pick<GatehouseConfig, 'tokens' | 'limits' | 'identityProviders'>,
  { clock, revocations, log }: ForeignTokensDeps,
): ForeignTokens {
  const fetch = openIssuerFetch();
  const keys = openIssuerKeys(fetch, clock);

  function verifierOf(authority: TokenAuthority): VerifyForeignToken {
    const parseJson = parseStrictJson;
    switch (authority.kind) {
      case 'jwt':
        return createJwtTokens(authority, { keys, parseJson, clock });
      case 'hmac':
        return createHmacTokens(authority, { parseJson, clock });
      case 'introspection':
        return createIntrospectedTokens(authority, { fetch, parseJson, clock });
    }
  }

  return {
    admissionFor: (authority, resource, passesOn) =>
      createForeignAdmission(resource, {
        verify: verifierOf(authority),
        clock,
        revocations,
        revokeBefore: tokens.revokeBefore,
        cacheEntries: limits.tokenCacheEntries,
        fingerprintClient: fingerprintClientId,
        passesOn,
        admits: (groups) => admitsGroups(identityProviders, authority, groups),
        onError: (error) => log.error(describeError(error), 'token_check_failed'),
      }),
  };
}

/** By the rule of the identity provider that issued the token; of an issuer that is none of them, by the rule of each. */
function admitsGroups(
  providers: GatehouseConfig['identityProviders'],
  { issuer }: TokenAuthority,
  groups: readonly string[],
): boolean {
  const own = providers.filter((provider) => provider.issuer === issuer);
  return (own.length === 0 ? providers : own).every(({ allowedGroups }) =>
    isAllowedGroup(groups, allowedGroups),
  );
}

/** For issuers that the operator named, whose addresses may be private: not the one for what strangers name. */
export function openIssuerFetch(): ReturnType<typeof createGuardedFetch> {
  return createGuardedFetch({ totalTimeoutMs, maxBytes, userAgent: `mcp-gatehouse/${version}` });
}

/** The published keys of issuers that the operator named, by the cache that those of clients are kept in. */
export function openIssuerKeys(fetch: ReturnType<typeof createGuardedFetch>, clock: Clock): IssuerKeys {
  const documents = {
    clock,
    fetch,
    parseJson: parseStrictJson,
    budget: createFetchBudget({ nowMs: () => clock.nowMilliseconds() }),
  };
  return createIssuerKeys({
    keys: createPublishedKeys(documents),
    readJson: async (url) => {
      const document = await fetchJsonDocument(url, documents);
      if (document.outcome === 'read') return document.value;
      throw new Error('the OpenID configuration cannot be read', { cause: document.cause });
    },
    clock,
  });
}
