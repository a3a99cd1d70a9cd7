/** Who may enter, and who may not. What a rule does not name it does not judge; nothing named at all admits everybody. */
export interface EntryRules {
  readonly groups: {
    /** One of them is needed. */
    readonly any: readonly GroupName[];
    /** All of them are needed. */
    readonly all: readonly GroupName[];
    /** One of them is too much; one without an issuer at whichever identity provider. */
    readonly none: readonly GroupName[];
  };
  /** Verified addresses, compared without regard to case. */
  readonly emails: AllowAndDeny;
  /** What stands behind the @ of a verified address, whole: `example.com` is not `mail.example.com`. */
  readonly domains: AllowAndDeny;
  /** By the identity provider's name for them, exactly. */
  readonly subjects: AllowAndDeny<SubjectName>;
  /** How the login was made: one of these has to be its `acr`. */
  readonly acr: readonly string[];
  /** All of these have to be among its `amr`. */
  readonly amr: readonly string[];
  /** How long ago the person may have typed a password (or whatever it was). Undefined: any time. */
  readonly maxAuthenticationAgeSeconds: number | undefined;
}

export interface AllowAndDeny<Value = string> {
  /** Empty: everybody. */
  readonly allow: readonly Value[];
  /** Wins. */
  readonly deny: readonly Value[];
}

/** Two identity providers may both know a "1". */
export interface SubjectName {
  /** Undefined: the identity provider that is set. */
  readonly issuer: string | undefined;
  readonly subject: string;
}

/**
 * Of the identity provider that is set, or of the one that is named: who may found a group at another provider must not
 * get in by what they call it.
 */
export type GroupName =
  | string
  | {
      /** Undefined: the identity provider that is set, and no other. */
      readonly issuer: string | undefined;
      readonly group: string;
    };

/** Every group that the rules name. */
export function listGroupNames({ any, all, none }: EntryRules['groups']): readonly GroupName[] {
  return [...any, ...all, ...none];
}

/** What is known of somebody who wants in, or is in. */
export interface Entrant {
  /** Undefined: the identity provider that is set. */
  readonly identityIssuer?: string | undefined;
  readonly subject: string;
  /** Present only when it is verified. */
  readonly email: string | undefined;
  readonly groups: readonly string[];
  /** As the ID token of the login said. */
  readonly acr?: string | undefined;
  readonly amr?: readonly string[] | undefined;
  /** Seconds since 1970. */
  readonly authenticatedAt?: number | undefined;
}

export type EntryRefusal =
  'group' | 'entry_subject' | 'entry_email' | 'entry_domain' | 'entry_acr' | 'entry_amr' | 'entry_age';

/** How far the clock of an identity provider may be ahead of ours. */
const clockToleranceSeconds = 60;

export const everybody: EntryRules = {
  groups: { any: [], all: [], none: [] },
  emails: { allow: [], deny: [] },
  domains: { allow: [], deny: [] },
  subjects: { allow: [], deny: [] },
  acr: [],
  amr: [],
  maxAuthenticationAgeSeconds: undefined,
};

/**
 * Why somebody may not enter; undefined: they may. Every rule has to be satisfied. Of what is not known (no address, no
 * `acr`, no time) nothing is assumed: a rule that asks for it refuses.
 * @see OpenID Connect Core §2 (`acr`, `amr`, `auth_time`)
 */
export function findEntryRefusal(
  rules: EntryRules,
  entrant: Entrant,
  nowSeconds: number,
): EntryRefusal | undefined {
  const { subject } = entrant;
  const email = entrant.email === undefined ? undefined : lowerCase(entrant.email);
  if (!passes(subjectKeys(rules.subjects), subjectKey(entrant.identityIssuer, subject)))
    return 'entry_subject';
  if (!passes(rules.emails, email)) return 'entry_email';
  if (!passes(rules.domains, domainOf(email))) return 'entry_domain';
  if (!hasGroups(rules.groups, entrant)) return 'group';
  if (rules.acr.length > 0 && !isOneOf(rules.acr, entrant.acr)) return 'entry_acr';
  if (!rules.amr.every((method) => entrant.amr?.includes(method))) return 'entry_amr';
  return isTooOld(rules, entrant, nowSeconds) ? 'entry_age' : undefined;
}

/** Whether nothing can ever be refused. */
export function admitsEverybody(rules: EntryRules): boolean {
  const { groups, emails, domains, subjects, acr, amr, maxAuthenticationAgeSeconds } = rules;
  const lists = [emails, domains, subjects].flatMap(({ allow, deny }) => [allow, deny]);
  const named = [...lists, groups.any, groups.all, groups.none, acr, amr];
  return maxAuthenticationAgeSeconds === undefined && named.every((list) => list.length === 0);
}

/** Lists are in the form that values are compared in. */
function passes({ allow, deny }: AllowAndDeny, value: string | undefined): boolean {
  // Whoever is on the list of those who may not enter would only have to hide the address.
  if (value === undefined) return allow.length === 0 && deny.length === 0;
  return !deny.includes(value) && (allow.length === 0 || allow.includes(value));
}

function subjectKeys({ allow, deny }: EntryRules['subjects']): AllowAndDeny {
  const keyOf = (name: SubjectName): string => subjectKey(name.issuer, name.subject);
  return { allow: allow.map(keyOf), deny: deny.map(keyOf) };
}

function subjectKey(issuer: string | undefined, subject: string): string {
  return `${issuer ?? ''}\n${subject}`;
}

function hasGroups(
  { any, all, none }: EntryRules['groups'],
  { identityIssuer, groups }: Pick<Entrant, 'identityIssuer' | 'groups'>,
): boolean {
  const isIn = (name: GroupName): boolean =>
    typeof name === 'string'
      ? identityIssuer === undefined && groups.includes(name)
      : identityIssuer === name.issuer && groups.includes(name.group);
  const isInAnywhere = (name: GroupName): boolean =>
    typeof name === 'string' ? groups.includes(name) : isIn(name);
  if (any.length > 0 && !any.some(isIn)) return false;
  return all.every(isIn) && !none.some(isInAnywhere);
}

/** ASCII letters alone: other alphabets have letters whose lower case is one of these, as the Kelvin sign's is `k`. */
function lowerCase(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function isOneOf(list: readonly string[], value: string | undefined): boolean {
  return value !== undefined && list.includes(value);
}

function domainOf(email: string | undefined): string | undefined {
  return email?.slice(email.lastIndexOf('@') + 1);
}

function isTooOld(
  { maxAuthenticationAgeSeconds: maxAge }: EntryRules,
  { authenticatedAt }: Entrant,
  nowSeconds: number,
): boolean {
  if (maxAge === undefined) return false;
  if (authenticatedAt === undefined || authenticatedAt > nowSeconds + clockToleranceSeconds) return true;
  return nowSeconds - authenticatedAt > maxAge;
}
