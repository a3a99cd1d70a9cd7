/**
 * The policy of a mount: who may call what. Pure; nothing here knows of requests.
 *
 * 1. a denial that fits decides, whatever else fits
 * 2. what a session cannot do without is allowed, see `plumbing`
 * 3. an allowance that fits decides; where each that fits needs scopes that the token lacks, the answer is those of the
 *    nearest
 * 4. what no rule speaks of is as the mount says
 *
 * The order of the rules means nothing: to move one, or to add an allowance, never takes a denial away.
 */
import { matchNames } from './name-pattern.ts';
import { aliasesOf, aliasesOfPattern } from './resource-aliases.ts';
import { spellingsOf, spellingsOfPattern } from './resource-spellings.ts';
import type { Operation, PolicyCaller, PolicyRule, PolicyRules } from './rule.ts';
import { matchCallers } from './who-match.ts';

export type Decision =
  /** `rule`: the name of the one that decided, or why none had to. */
  | { readonly outcome: 'allowed'; readonly rule: string }
  | { readonly outcome: 'denied'; readonly rule: string }
  /** A token with all of these may. */
  | { readonly outcome: 'scopes'; readonly rule: string; readonly scopes: readonly string[] };

export interface Policy {
  /** The rules that speak of a caller; for as long as the caller is the same object. */
  for(caller: PolicyCaller): CallerPolicy;
}

export interface CallerPolicy {
  /**
   * @param scopes of the token, with those that they include
   * @param obtainable those that its client may be granted at most. Absent: every one. To ask for others would be in vain
   */
  decide(operation: Operation, scopes: ReadonlySet<string>, obtainable?: ReadonlySet<string>): Decision;
}

/** Names of decisions that no rule of the configuration made. */
export const decidedBy = {
  default: '(default)',
  plumbing: '(always allowed)',
  spelling: '(dot segments in a URI)',
} as const;

/**
 * Methods that are allowed unless a rule denies them by name. Without them no client gets as far as a call that could be
 * judged, and none of them reaches anything of the server's but itself: they open, check and end a session, tell of the
 * progress of a call that was judged, or ask for lists, of which everybody sees what they may use.
 */
export const plumbing: ReadonlySet<string> = new Set([
  'initialize',
  'server/discover',
  'ping',
  'logging/setLevel',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'subscriptions/listen',
]);

interface ScopesOfCaller {
  readonly held: ReadonlySet<string>;
  readonly obtainable: ReadonlySet<string> | undefined;
}

interface CompiledRule {
  readonly rule: PolicyRule;
  readonly speaksOf: (caller: PolicyCaller) => boolean;
  readonly means: (operation: Operation) => boolean;
}

/** @param homeIssuer the identity provider whose subjects and groups rules name without an issuer */
export function createPolicy({ otherwise, rules }: PolicyRules, homeIssuer: string): Policy {
  const compiled = rules.map((rule) => compileRule(rule, homeIssuer));
  const known = new WeakMap<PolicyCaller, CallerPolicy>();
  return {
    for(caller) {
      let policy = known.get(caller);
      if (policy === undefined) {
        const fitting = compiled.filter(({ speaksOf }) => speaksOf(caller));
        policy = {
          decide: (operation, held, obtainable) =>
            decide(fitting, otherwise, operation, { held, obtainable }),
        };
        known.set(caller, policy);
      }
      return policy;
    },
  };
}

function compileRule(rule: PolicyRule, homeIssuer: string): CompiledRule {
  const denies = rule.effect === 'deny';
  const to = rule.to === undefined ? () => true : matchCallers(rule.to, { homeIssuer, isDenial: denies });
  // Whoever is left out of an allowance may do less, and out of a denial more.
  const except = matchCallers(rule.except, { homeIssuer, isDenial: !denies });
  return { rule, speaksOf: (caller) => to(caller) && !except(caller), means: matchOperations(rule) };
}

function matchOperations({ what, effect }: PolicyRule): (operation: Operation) => boolean {
  if (what === 'everything') return () => true;
  const resources = (what.resources ?? []).flatMap(spellingsOfPattern);
  const byKind = {
    tool: matchNames(what.tools ?? []),
    prompt: matchNames(what.prompts ?? []),
    resource: matchNames(effect === 'deny' ? resources.flatMap(aliasesOfPattern) : resources),
    method: () => false,
  };
  const methods = matchNames(what.methods ?? []);
  return ({ kind, method, name }) => byKind[kind](name) || methods(method);
}

function decide(
  rules: readonly CompiledRule[],
  otherwise: PolicyRules['otherwise'],
  operation: Operation,
  scopes: ScopesOfCaller,
): Decision {
  // Where no rule tells one resource from another, there is no spelling to walk around it by.
  if (operation.kind !== 'resource' || !rules.some(tellsResources)) {
    return decideOne(rules, otherwise, operation, scopes);
  }
  const spellings = spellingsOf(operation.name);
  if (spellings === undefined) return { outcome: 'denied', rule: decidedBy.spelling };
  const denial = findDenial(rules, operation);
  if (denial !== undefined) return { outcome: 'denied', rule: denial.name };
  const decisions = spellings.map((name) => decideOne(rules, otherwise, { ...operation, name }, scopes));
  return strictest(decisions);
}

/** A denial of whatever the URI comes to for some server. */
function findDenial(rules: readonly CompiledRule[], operation: Operation): PolicyRule | undefined {
  const denials = rules.filter((each) => each.rule.effect === 'deny' && tellsResources(each));
  if (denials.length === 0) return undefined;
  const aliases = aliasesOf(operation.name).map((name) => ({ ...operation, name }));
  return denials.find(({ means }) => aliases.some(means))?.rule;
}

function tellsResources({ rule: { what } }: CompiledRule): boolean {
  return what !== 'everything' && (what.resources ?? []).some((pattern) => pattern !== '*');
}

/** Of decisions that all have to hold: a denial, else what lacks scopes, with the scopes of all. */
export function strictest(decisions: readonly Decision[]): Decision {
  const denied = decisions.find(({ outcome }) => outcome === 'denied');
  if (denied !== undefined) return denied;
  const lacking = decisions.filter((decision) => decision.outcome === 'scopes');
  const [first] = lacking;
  if (first === undefined) return decisions[0] ?? { outcome: 'denied', rule: decidedBy.default };
  return { ...first, scopes: [...new Set(lacking.flatMap((decision) => decision.scopes))] };
}

function decideOne(
  rules: readonly CompiledRule[],
  otherwise: PolicyRules['otherwise'],
  operation: Operation,
  { held, obtainable }: ScopesOfCaller,
): Decision {
  let nearest: PolicyRule | undefined;
  let outOfReach: PolicyRule | undefined;
  let fewest = Infinity;
  for (const { rule, means } of rules) {
    if (!means(operation)) continue;
    if (rule.effect === 'deny') return { outcome: 'denied', rule: rule.name };
    const lacking = rule.scopes.filter((scope) => !held.has(scope));
    if (obtainable !== undefined && !lacking.every((scope) => obtainable.has(scope))) {
      outOfReach = rule;
    } else if (lacking.length < fewest) {
      nearest = rule;
      fewest = lacking.length;
    }
  }
  if (operation.kind === 'method' && plumbing.has(operation.method)) {
    return { outcome: 'allowed', rule: decidedBy.plumbing };
  }
  // It speaks of the operation: that nobody can follow it makes the default no answer.
  if (nearest === undefined && outOfReach !== undefined) return { outcome: 'denied', rule: outOfReach.name };
  if (nearest === undefined) {
    return { outcome: otherwise === 'allow' ? 'allowed' : 'denied', rule: decidedBy.default };
  }
  if (fewest === 0) return { outcome: 'allowed', rule: nearest.name };
  return { outcome: 'scopes', rule: nearest.name, scopes: nearest.scopes };
}
