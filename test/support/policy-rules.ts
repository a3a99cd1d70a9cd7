import type { PolicyRule, PolicyRules } from '../../src/services/policy/rule.ts';

/** A rule for everybody that allows everything, but for these members. */
export function policyRule(changes: Partial<PolicyRule> = {}): PolicyRule {
  return {
    name: 'a rule',
    effect: 'allow',
    what: 'everything',
    to: undefined,
    except: [],
    scopes: [],
    ...changes,
  };
}

/** Reads and lists for everybody, a secret for nobody, writes with a scope. */
export const fileRules: PolicyRules = {
  otherwise: 'deny',
  rules: [
    policyRule({
      name: 'reading',
      what: {
        tools: ['read_*', 'list'],
        prompts: ['greet'],
        resources: ['file:///public/*'],
        methods: ['GET /open/*'],
      },
    }),
    policyRule({ name: 'writing', what: { tools: ['write_*'] }, scopes: ['files:write'] }),
    policyRule({ name: 'secrets', effect: 'deny', what: { tools: ['read_secret'] } }),
  ],
};
