import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import type { LoginDemands } from '../identity/identity-provider.ts';
import {
  admitsEverybody,
  type Entrant,
  type EntryRefusal,
  type EntryRules,
  findEntryRefusal,
} from './entry-rules.ts';

/** Rules, and whom somebody is to ask whom they refuse. */
export interface EntrySettings {
  readonly rules: EntryRules;
  /** Plain text for people: an address, a link, the name of a team. */
  readonly contact: string | undefined;
}

/** What holds for every resource, and what holds for one beside it. */
export interface EntryTable {
  readonly all: EntrySettings | undefined;
  readonly ofResource: ReadonlyMap<string, EntrySettings>;
  /** The identity provider whose people and groups rules about a resource name without an issuer. */
  readonly homeIssuers: ReadonlyMap<string, string>;
  /** What the two maps know a resource by that is one of many alike, also one that is not served any more. Undefined: it is none. */
  readonly familyOf?: (resource: string) => string | undefined;
  /** Whose clients may act for themselves without being judged: the operator has said of each who it is. Undefined: nobody's. */
  readonly clientIssuer?: string;
}

/** What of a table says whose people are at home at a resource. */
type Homes = Pick<EntryTable, 'homeIssuers' | 'familyOf'>;

/** So many changes that took resources away are remembered: streams may still be there. */
const maxFormerTables = 16;

/** Somebody who wants into a resource, or is in: what a grant's terms know. */
export interface ResourceEntrant extends Entrant {
  readonly identityIssuer: string;
  /** A client of ours that acts for itself is no person: the rules are not about it. */
  readonly actor?: 'client' | undefined;
  readonly resource: string;
}

/** Who may enter which resource, by the rules of this moment. */
export interface EntryGate {
  /** Why somebody may not enter; undefined: they may. */
  judge(entrant: ResourceEntrant): EntryRefusal | undefined;
  /** The same for one who comes again and again: found out once, until the rules change or time does it. */
  judgeAgain(entrant: ResourceEntrant): EntryRefusal | undefined;
  /** What a login has to be asked for, so that the rules can be satisfied. Undefined: nothing. */
  demandsOf(resource: string): LoginDemands | undefined;
  contactOf(resource: string): string | undefined;
  /** From now on, and for those who are in as well. */
  replace(table: EntryTable): void;
  /** Told after each change. Returns what ends that. */
  onChange(tell: () => void): () => void;
}

export interface EntryGateDeps {
  readonly clock: Clock;
}

interface Verdict {
  readonly refusal: EntryRefusal | undefined;
  /** From then on another one may be due. */
  readonly goodUntil: EpochSeconds;
}

export function createEntryGate(initial: EntryTable, deps: EntryGateDeps): EntryGate {
  const { clock } = deps;
  let table = initial;
  /** Newest first. Asked for what the table does not know alone. */
  let former: readonly Homes[] = [];
  let isOpen = isForEverybody(table);
  let verdicts = new WeakMap<ResourceEntrant, Verdict>();
  const listeners = new Set<() => void>();
  const plain = rememberPlain();

  const settingsOf = (resource: string): readonly EntrySettings[] =>
    [table.all, table.ofResource.get(keyIn(table, resource))].filter((each) => each !== undefined);

  function findHome(resource: string): string | undefined {
    const home = homeIn(table, resource);
    if (home !== undefined) return home;
    for (const each of former) {
      const before = homeIn(each, resource);
      if (before !== undefined) return before;
    }
    return undefined;
  }

  function judge(entrant: ResourceEntrant): EntryRefusal | undefined {
    if (isOpen) return undefined;
    // Of ours the operator has said who may come; of another issuer's nobody here has.
    if (entrant.actor === 'client' && entrant.identityIssuer === table.clientIssuer) return undefined;
    const home = findHome(entrant.resource);
    if (home !== undefined) return judgeBy(entrant, home);
    // Whom a name without an issuer means is not known any more: it keeps out whoever has it, and lets nobody in.
    return judgeBy(entrant, entrant.identityIssuer) ?? judgeBy(entrant, '');
  }

  function judgeBy(entrant: ResourceEntrant, identityIssuer: string): EntryRefusal | undefined {
    // Rules name the provider's people without it.
    const known =
      entrant.identityIssuer === identityIssuer ? { ...entrant, identityIssuer: undefined } : entrant;
    for (const { rules } of settingsOf(entrant.resource)) {
      const refusal = findEntryRefusal(plain(rules, identityIssuer), known, clock.nowSeconds());
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  function demandsOf(resource: string): LoginDemands | undefined {
    const rules = settingsOf(resource).map((each) => each.rules);
    const ages = rules.flatMap(({ maxAuthenticationAgeSeconds: age }) => age ?? []);
    const wanted = rules.map(({ acr }) => acr).filter((acr) => acr.length > 0);
    if (ages.length === 0 && wanted.length === 0) return undefined;
    const [first = [], ...others] = wanted;
    return {
      maxAgeSeconds: ages.length === 0 ? undefined : Math.min(...ages),
      acrValues: first.filter((acr) => others.every((list) => list.includes(acr))),
    };
  }

  return {
    judge,
    judgeAgain(entrant) {
      if (isOpen) return undefined;
      const now = clock.nowSeconds();
      const known = verdicts.get(entrant);
      if (known !== undefined && now < known.goodUntil) return known.refusal;
      const refusal = judge(entrant);
      const maxAgeSeconds = demandsOf(entrant.resource)?.maxAgeSeconds;
      const tooOldAt = (entrant.authenticatedAt ?? now) + (maxAgeSeconds ?? Infinity) + 1;
      // A refusal for its age does not get better, and one for a clock that runs ahead may.
      verdicts.set(entrant, { refusal, goodUntil: refusal === undefined ? tooOldAt : now + 1 });
      return refusal;
    },
    demandsOf,
    contactOf: (resource) =>
      settingsOf(resource)
        .map(({ contact }) => contact)
        .findLast((contact) => contact !== undefined),
    replace(next) {
      former = [table, ...former]
        .filter(({ homeIssuers }) => [...homeIssuers.keys()].some((key) => !next.homeIssuers.has(key)))
        .slice(0, maxFormerTables);
      table = next;
      isOpen = isForEverybody(next);
      verdicts = new WeakMap();
      for (const tell of listeners) tell();
    },
    onChange(tell) {
      listeners.add(tell);
      return () => {
        listeners.delete(tell);
      };
    },
  };
}

/** Whoever is there by itself is no member of a family, whatever the family would say. */
function keyIn({ homeIssuers, familyOf }: Homes, resource: string): string {
  return homeIssuers.has(resource) ? resource : (familyOf?.(resource) ?? resource);
}

function homeIn(homes: Homes, resource: string): string | undefined {
  return homes.homeIssuers.get(keyIn(homes, resource));
}

function isForEverybody({ all, ofResource }: EntryTable): boolean {
  return [all, ...ofResource.values()].every((each) => each === undefined || admitsEverybody(each.rules));
}

/** Once for each list of rules and identity provider: there are few of both, and calls are many. */
function rememberPlain(): typeof withoutIssuer {
  const known = new WeakMap<EntryRules, Map<string, EntryRules>>();
  return (rules, identityIssuer) => {
    const ofIssuer = known.get(rules) ?? new Map<string, EntryRules>();
    const plain = ofIssuer.get(identityIssuer) ?? withoutIssuer(rules, identityIssuer);
    known.set(rules, ofIssuer.set(identityIssuer, plain));
    return plain;
  };
}

function withoutIssuer(rules: EntryRules, identityIssuer: string): EntryRules {
  const { allow, deny } = rules.subjects;
  const { any, all, none } = rules.groups;
  const subjects = (names: typeof allow): typeof allow =>
    names.map((name) => (name.issuer === identityIssuer ? { ...name, issuer: undefined } : name));
  // Not the mere name: under `none` that would keep people of every provider out.
  const groups = (names: typeof any): typeof any =>
    names.map((name) =>
      typeof name === 'object' && name.issuer === identityIssuer ? { ...name, issuer: undefined } : name,
    );
  return {
    ...rules,
    subjects: { allow: subjects(allow), deny: subjects(deny) },
    groups: { any: groups(any), all: groups(all), none: groups(none) },
  };
}
