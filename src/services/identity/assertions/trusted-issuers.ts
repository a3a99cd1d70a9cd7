import type { ClientFingerprint } from '../../clients/client.ts';
import type { GrantTerms } from '../../tokens/grant-terms.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';

/** The issuers that are trusted now, of which a reload may make others. */
export interface TrustedIssuers {
  all(): readonly TrustedIssuer[];
  /** Whether one of them lets this client come with its assertions. */
  names(clientId: string): boolean;
  /**
   * Whether the issuer whose assertion a grant came of would be taken at its word today: for this client, at this resource.
   * A grant that came of none is nothing to them.
   */
  standsBehind(grant: VouchedGrant): boolean;
  /**
   * The same object for as long as an issuer is trusted without a break, to remember by what is known of it: trust that was
   * taken back and given again begins anew, without the keys that may have been the reason.
   */
  tenureOf(issuer: string): object;
  /** From the next request and the next call on. */
  replace(issuers: readonly TrustedIssuer[]): void;
}

export type VouchedGrant = Pick<GrantTerms, 'via' | 'identityIssuer' | 'client' | 'resource'>;

export interface TrustedIssuersDeps {
  readonly fingerprintClient: (clientId: string) => ClientFingerprint;
  /** What the issuers know a resource by that is one of many alike. Undefined: it is not. */
  readonly familyOf: (resource: string) => string | undefined;
}

export function createTrustedIssuers(
  initial: readonly TrustedIssuer[],
  { fingerprintClient, familyOf }: TrustedIssuersDeps,
): TrustedIssuers {
  let issuers = initial;
  let clients = namesOf(initial);
  let vouched = fingerprintsOf(initial);
  let tenures = tenuresOf(initial, new Map());

  function fingerprintsOf(of: readonly TrustedIssuer[]): ReadonlyMap<string, ReadonlySet<ClientFingerprint>> {
    return new Map(of.map((each) => [each.issuer, new Set(each.clients.map(fingerprintClient))]));
  }

  return {
    all: () => issuers,
    names: (clientId) => clients.has(clientId),
    standsBehind({ via, identityIssuer, client, resource }) {
      if (via === undefined) return true;
      if (vouched.get(identityIssuer)?.has(client) !== true) return false;
      const { resources } = issuers.find(({ issuer }) => issuer === identityIssuer) ?? {};
      return resources === undefined || resources.includes(familyOf(resource) ?? resource);
    },
    tenureOf: (issuer) => tenures.get(issuer) ?? {},
    replace(next) {
      issuers = next;
      tenures = tenuresOf(next, tenures);
      clients = namesOf(next);
      vouched = fingerprintsOf(next);
    },
  };
}

function tenuresOf(
  issuers: readonly TrustedIssuer[],
  before: ReadonlyMap<string, object>,
): ReadonlyMap<string, object> {
  return new Map(issuers.map(({ issuer }) => [issuer, before.get(issuer) ?? {}]));
}

function namesOf(issuers: readonly TrustedIssuer[]): ReadonlySet<string> {
  return new Set(issuers.flatMap(({ clients }) => clients));
}
