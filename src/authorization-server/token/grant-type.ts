import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { Sealer } from '../../platform/sealing/sealer.ts';
import type { RequestParameters } from '../../protocol/parameters.ts';
import type { Emit } from '../../services/audit/events.ts';
import type { AuthenticateClient } from '../../services/clients/client-authentication.ts';
import { abbreviateClient, type Client } from '../../services/clients/client.ts';
import type { EntryGate } from '../../services/entry/entry-gate.ts';
import type { IdentityProvider, IdentityRecheckMode } from '../../services/identity/identity-provider.ts';
import type { RateLimitOutcome } from '../../services/limits/rate-limits.ts';
import type { Resources } from '../../services/resources/resources.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Grants } from '../../services/tokens/grants.ts';
import type { PersonGrants } from '../../services/tokens/person-grants.ts';
import type { IssuedTokens } from './token-response.ts';

/** What the token endpoint and its grant types work with. */
export interface TokenDeps {
  readonly issuer: string;
  /** What tokens are issued for. */
  readonly resources: Pick<Resources, 'find' | 'resolve'>;
  readonly authenticateClient: AuthenticateClient;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
  readonly grants: Grants;
  /** Where people find what they allowed. Absent: nowhere. */
  readonly personGrants?: Pick<PersonGrants, 'add'> | undefined;
  /** Grants from before this moment get nothing more. Undefined: none are cut off. */
  readonly revokeBefore: EpochSeconds | undefined;
  /** Counts a refresh of this grant by its client; both are proven by then. Undefined: no limit. */
  readonly checkRefreshRate?: (terms: GrantTerms) => Promise<RateLimitOutcome>;
  /** Seconds; never more than the grant has left. */
  readonly accessTokenTtlSeconds: number;
  readonly identity: IdentityRules;
  /** Resolves after so many milliseconds. */
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly emit: Emit;
}

/** How refreshes ask the identity provider about the person again. */
export interface IdentityRules {
  readonly mode: IdentityRecheckMode;
  /** How long after its last word a provider that does not answer stops nobody. */
  readonly graceSeconds: number;
  /** Who vouches today for people of this issuer at this resource. Undefined: nobody does any more. */
  readonly findProvider: (
    person: Pick<GrantTerms, 'identityIssuer' | 'resource'>,
  ) => Pick<IdentityProvider, 'recheck' | 'lookUp' | 'admits'> | undefined;
  /** What the identity provider of an issuer is called in the configuration. */
  readonly nameProvider: (issuer: string) => string | undefined;
  /** Whether somebody of these groups may enter for whom an issuer vouches, be it none that people log in at. */
  readonly admits: (issuer: string, groups: readonly string[]) => boolean;
  /** The rules of the deployment, whatever the provider says. */
  readonly entry: Pick<EntryGate, 'judge'>;
}

/** A token request whose client has proven who it is. */
export interface TokenRequest {
  readonly client: Client;
  readonly parameters: RequestParameters;
  readonly requestId: string;
  /**
   * Has the client prove its key; undefined when it does not try. Absent: nobody is asked to.
   * @throws OAuthError `invalid_dpop_proof`; rejects with `StoreError`
   */
  readonly proveKey?: () => Promise<string | undefined>;
}

/** One of RFC 6749's mechanisms to get tokens. Refuses by throwing an `OAuthError`; may reject with `StoreError`. */
export type GrantType = (request: TokenRequest, deps: TokenDeps) => Promise<IssuedTokens>;

/** What the audit trail says of tokens that were made with these terms. */
export function nameIssued(terms: GrantTerms): IssuedNames {
  const { resource, scope } = terms;
  return { ...nameGrant(terms), resource, ...(scope.length === 0 ? {} : { scope: scope.join(' ') }) };
}

type IssuedNames = ReturnType<typeof nameGrant> & { readonly resource: string; readonly scope?: string };

/** How events name a grant: whose it is and which, without anything that could be presented somewhere. */
export function nameGrant(terms: GrantTerms): {
  readonly subject: string;
  readonly client: string;
  readonly grant: string;
} {
  return { subject: terms.subject, client: abbreviateClient(terms.client), grant: terms.grantId };
}
