import { expandScope } from '../protocol/scope.ts';
import { type CallJudge, createCallJudge } from '../resource-server/policy/call-judge.ts';
import type { ScopeCheck } from '../resource-server/proxy/scope-check.ts';
import type { Emit } from '../services/audit/events.ts';
import { createPolicy, type Policy } from '../services/policy/policy.ts';
import type { PolicyRules } from '../services/policy/rule.ts';
import type { ScopeRules } from '../services/resources/resource.ts';
import type { GrantTerms } from '../services/tokens/grant-terms.ts';
import type { FindObtainable } from './obtainable-scopes.ts';

/** The policy of one mount, which a reload may change. */
export interface MountPolicy {
  /** Undefined: there are no rules now. */
  findJudge(): CallJudge | undefined;
  /** From the next call on; ends nothing. */
  replace(rules: PolicyRules | undefined): void;
}

export interface MountPolicyDeps {
  readonly mount: { readonly name: string; readonly path: string };
  readonly scopes: ScopeRules;
  /** The identity provider whose subjects rules name without an issuer. */
  readonly identityIssuer: string;
  readonly scopeCheck: Pick<ScopeCheck, 'judgeNeeds'>;
  readonly findObtainable?: FindObtainable;
  readonly emit: Emit;
  /** Absent: `createPolicy`. For mounts that have their rules in common. */
  readonly compile?: typeof createPolicy;
}

/** For streams that were open when the rules went. */
const everything = createPolicy({ otherwise: 'allow', rules: [] }, '');

export function createMountPolicy(rules: PolicyRules | undefined, deps: MountPolicyDeps): MountPolicy {
  const compile = (given: PolicyRules | undefined): Policy | undefined =>
    given === undefined ? undefined : (deps.compile ?? createPolicy)(given, deps.identityIssuer);
  let policy = compile(rules);
  const expanded = new WeakMap<GrantTerms, ReadonlySet<string>>();
  const judge = createCallJudge({
    mountName: deps.mount.name,
    mountPath: deps.mount.path,
    policy: () => policy ?? everything,
    expandScopes(grant) {
      const known = expanded.get(grant) ?? expandScope(grant.scope, deps.scopes);
      expanded.set(grant, known);
      return known;
    },
    ...(deps.findObtainable === undefined ? {} : { findObtainable: deps.findObtainable }),
    refuseScopes: (grant, needed) => deps.scopeCheck.judgeNeeds(grant, needed),
    emit: deps.emit,
  });
  return {
    findJudge: () => (policy === undefined ? undefined : judge),
    replace(next) {
      policy = compile(next);
    },
  };
}
