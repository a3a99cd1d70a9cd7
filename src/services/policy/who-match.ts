import type { GroupName, PolicyCaller, Who } from './rule.ts';

/** Whether it is one of these people or clients. */
export type CallerMatch = (caller: PolicyCaller) => boolean;

export interface MatchOptions {
  /** Who knows the subjects and groups that come without an issuer. */
  readonly homeIssuer: string;
  /** Whether whoever fits may do less. A group without an issuer is then one of whichever identity provider. */
  readonly isDenial: boolean;
}

/** @param whos one of them has to fit; a member without values fits nobody */
export function matchCallers(whos: readonly Who[], options: MatchOptions): CallerMatch {
  const matches = whos.map((who) => matchWho(who, options));
  return (caller) => matches.some((match) => match(caller));
}

function matchWho(who: Who, { homeIssuer, isDenial }: MatchOptions): CallerMatch {
  const conditions = [
    // Whoever may found a group at another provider must not get rights by what they call it.
    ofAny(who.groups?.map(groupKey), ({ identityIssuer, groups }) => [
      ...(isDenial || identityIssuer === homeIssuer ? groups.map(groupKey) : []),
      ...groups.map((group) => nameOf(identityIssuer, group)),
    ]),
    ofAny(who.emailDomains?.map(lowerCase), ({ email }) => domainsOf(email)),
    ofAny(who.emails?.map(lowerCase), ({ email }) => (email === undefined ? [] : [lowerCase(email)])),
    ofAny(
      who.subjects?.map(({ issuer = homeIssuer, subject }) => nameOf(issuer, subject)),
      ({ identityIssuer, subject }) => [nameOf(identityIssuer, subject)],
    ),
    ofAny(who.clients, ({ client }) => [client]),
  ].filter((condition) => condition !== undefined);
  // Nothing said of anybody: that is nobody, and not everybody by an oversight.
  if (conditions.length === 0) return () => false;
  return (caller) => conditions.every((condition) => condition(caller));
}

function ofAny(
  values: readonly string[] | undefined,
  read: (caller: PolicyCaller) => readonly string[],
): CallerMatch | undefined {
  if (values === undefined) return undefined;
  const known = new Set(values);
  return (caller) => read(caller).some((value) => known.has(value));
}

function domainsOf(email: string | undefined): readonly string[] {
  const at = email?.lastIndexOf('@') ?? -1;
  return email === undefined || at === -1 ? [] : [lowerCase(email.slice(at + 1))];
}

/** Of none in particular; no issuer is empty. */
function groupKey(name: GroupName): string {
  return typeof name === 'string' ? nameOf('', name) : nameOf(name.issuer, name.group);
}

/** Two identity providers may both know a "1". */
function nameOf(issuer: string, subject: string): string {
  return `${issuer}\n${subject}`;
}

/** ASCII letters alone: other alphabets have letters whose lower case is one of these, as the Kelvin sign's is `k`. */
function lowerCase(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32));
}
