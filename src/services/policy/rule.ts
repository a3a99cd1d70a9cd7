/** Who calls: what an access token says of its person and client. */
export interface PolicyCaller {
  /** The identity provider that knows the subject. */
  readonly identityIssuer: string;
  readonly subject: string;
  /** Verified; undefined: none is known. */
  readonly email: string | undefined;
  readonly groups: readonly string[];
  /** Fingerprint of the client. */
  readonly client: string;
}

/** One thing that a call asks for. */
export interface Operation {
  readonly kind: OperationKind;
  /** The JSON-RPC method, or `GET` and the path below the mount. */
  readonly method: string;
  /** Of the tool or prompt, or the URI of the resource; empty for a mere method. */
  readonly name: string;
}

export type OperationKind = 'tool' | 'prompt' | 'resource' | 'method';

/** Of the mount's own identity provider, or of the one that is named. In a denial, a mere name is one of each. */
export type GroupName = string | { readonly issuer: string; readonly group: string };

/** People and clients. Of the members that are there each has to hold, by one of its values. */
export interface Who {
  readonly groups?: readonly GroupName[] | undefined;
  /** The part behind the `@`, in whatever case. A subdomain is another one. */
  readonly emailDomains?: readonly string[] | undefined;
  readonly emails?: readonly string[] | undefined;
  /** Without an issuer: those whom the mount's own identity provider knows. */
  readonly subjects?:
    ReadonlyArray<{ readonly issuer: string | undefined; readonly subject: string }> | undefined;
  /** Fingerprints. */
  readonly clients?: readonly string[] | undefined;
}

/** Patterns of names, see `matchNames`. What one of the members means is meant. */
export interface What {
  readonly tools?: readonly string[] | undefined;
  readonly prompts?: readonly string[] | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
}

export interface PolicyRule {
  /** For people: in the log, in metrics, in explanations. Never told to clients. */
  readonly name: string;
  readonly effect: 'allow' | 'deny';
  readonly what: What | 'everything';
  /** One of them has to fit. Undefined: everybody. */
  readonly to: readonly Who[] | undefined;
  /** Nobody of these, whatever `to` says. */
  readonly except: readonly Who[];
  /** Scopes that the token needs for what is allowed, all of them. A denial has none. */
  readonly scopes: readonly string[];
}

/** Everybody whom a rule is about, be it to leave them out. */
export function listWho({ to = [], except }: Pick<PolicyRule, 'to' | 'except'>): readonly Who[] {
  return [...to, ...except];
}

/** Every group that a rule names. */
export function listGroupsOfRule(rule: PolicyRule): readonly GroupName[] {
  return listWho(rule).flatMap(({ groups = [] }) => groups);
}

/** The rules of one mount. Their order means nothing. */
export interface PolicyRules {
  /** For what no rule speaks of. */
  readonly otherwise: 'allow' | 'deny';
  readonly rules: readonly PolicyRule[];
}
