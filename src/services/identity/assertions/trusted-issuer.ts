/** An identity provider of an enterprise, whose assertions about its people are taken without a login. */
export interface TrustedIssuer {
  /** Byte for byte the `iss` of its assertions. */
  readonly issuer: string;
  /** Where its keys are. Undefined: where its OpenID configuration says. */
  readonly jwksUri: string | undefined;
  /** Ids of the clients that may come with its assertions. */
  readonly clients: readonly string[];
  /** Identifiers of the resources that it may send people to. Undefined: all that are served. */
  readonly resources: readonly string[] | undefined;
  /** The claim with the groups of a person. */
  readonly groupsClaim: string;
  /** Keep an e-mail address although the issuer does not say whether it is verified. */
  readonly trustUnverifiedEmail: boolean;
  /** Claims that must have one of these values, by name. */
  readonly requiredClaims?: Readonly<Record<string, readonly string[]>>;
  /** Whether somebody is in the groups below theirs, as their paths have it. */
  readonly inheritsGroups?: boolean;
}

type Demand = 'requiredClaims' | 'inheritsGroups';

/**
 * What logins demand of the claims of a provider, its assertions have to say as well: else they would be a way around
 * the one organisation that may use this server, at a provider of many. Groups that a login finds beside those that are
 * listed, an assertion brings along, too: one of them may be denied.
 */
export function demandAsLoginsDo(
  issuers: readonly TrustedIssuer[],
  providers: ReadonlyArray<Required<Pick<TrustedIssuer, 'issuer' | Demand>>>,
): readonly TrustedIssuer[] {
  return issuers.map((each) => {
    const own = providers.find((provider) => isSameIssuer(provider, each));
    if (own === undefined) return each;
    const { requiredClaims, inheritsGroups } = own;
    return { ...each, requiredClaims, inheritsGroups };
  });
}

/** A provider may be written without the slash at the end of its `iss`: discovery takes both. */
export function isSameIssuer(
  a: Readonly<Record<'issuer', string>>,
  b: Readonly<Record<'issuer', string>>,
): boolean {
  const [one, other] = [a, b].map(({ issuer }) => issuer.replace(/\/+$/, ''));
  return one === other;
}
