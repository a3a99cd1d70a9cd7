import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { policyRule } from '../../../test/support/policy-rules.ts';
import { createPolicy } from '../../services/policy/policy.ts';
import type { PolicyRule } from '../../services/policy/rule.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { createCallJudge, type JudgedCall } from './call-judge.ts';

const grant: GrantTerms = {
  grantId: 'g',
  identityIssuer: 'https://idp.test',
  subject: 'alice',
  email: undefined,
  name: undefined,
  groups: ['staff'],
  client: 'fingerprint' as GrantTerms['client'],
  resource: 'https://gatehouse.test/mcp',
  scope: [],
  grantedAt: 0,
  absoluteEnd: 1,
};

function begin(rules: readonly PolicyRule[], otherwise: 'allow' | 'deny' = 'deny'): JudgedCall {
  const policy = createPolicy({ otherwise, rules }, 'https://idp.test');
  const judge = createCallJudge({
    mountName: 'files',
    mountPath: '/mcp',
    policy: () => policy,
    expandScopes: () => new Set(),
    refuseScopes: () => undefined,
    emit: () => undefined,
  });
  const rawHeaders = ['content-type', 'application/json'];
  const call = judge.begin({ method: 'POST', target: '/mcp', rawHeaders, grant, requestId: 'r' });
  if ('reason' in call) throw new Error('refused');
  return call;
}

const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({
    unit: fc.constantFrom('a', 'b', ' ', '\n', '*', '.', '/', '%', '\0', 'é', '\ud800'),
    maxLength: 5,
  }),
);
const pattern = fc.string({
  unit: fc.constantFrom('a', 'b', '*', '.', '/', 'é'),
  maxLength: 4,
  minLength: 1,
});
const rule = fc
  .record({
    effect: fc.constantFrom<'allow' | 'deny'>('allow', 'deny'),
    patterns: fc.array(pattern, { maxLength: 3 }),
  })
  .map(({ effect, patterns }) =>
    policyRule({ effect, what: { tools: patterns, prompts: patterns, resources: patterns } }),
  );
const rules = fc.array(rule, { maxLength: 4 });
const otherwise = fc.constantFrom<'allow' | 'deny'>('allow', 'deny');
const kinds = [
  ['tools', 'name', 'tools/call', 'name'],
  ['prompts', 'name', 'prompts/get', 'name'],
  ['resources', 'uri', 'resources/read', 'uri'],
  ['resourceTemplates', 'uriTemplate', 'resources/read', 'uri'],
] as const;

describe('createCallJudge', () => {
  it('shows in every list what may be called, and hides everything else, whatever its name', () => {
    fc.assert(
      fc.property(rules, otherwise, fc.array(name, { maxLength: 6 }), (policy, fallback, names) => {
        for (const [list, member, method, parameter] of kinds) {
          const text = JSON.stringify({
            id: 1,
            result: { [list]: names.map((each) => ({ [member]: each })) },
          });
          const shown = JSON.parse(String(begin(policy, fallback).filter(Buffer.from(text)))) as {
            result: Record<string, Record<string, string>[]>;
          };
          const callable = names.filter((each) => {
            const body = { jsonrpc: '2.0', id: 1, method, params: { [parameter]: each } };
            return begin(policy, fallback).judgeBody(Buffer.from(JSON.stringify(body))).refusal === undefined;
          });
          expect(shown.result[list]?.map((item) => item[member])).toEqual(callable);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('decides as an upstream would read it, whatever spelling the body has', () => {
    const spelled = fc.tuple(
      fc.constantFrom('a', 'ab', 'b', 'a/b'),
      fc.boolean(),
      fc.constantFrom('', ' ', '\n'),
    );
    fc.assert(
      fc.property(rules, spelled, (policy, [tool, isEscaped, space]) => {
        const written = isEscaped
          ? Array.from(tool, (letter) => String.raw`\u00${letter.charCodeAt(0).toString(16)}`).join('')
          : tool;
        const body = `{${space}"jsonrpc":"2.0","method"${space}:"tools/call","params":{"name":"${written}"${space}},"id":1}`;
        const { params } = JSON.parse(body) as { params: { name: string } };
        const decision = createPolicy({ otherwise: 'deny', rules: policy }, '')
          .for(grant)
          .decide({ kind: 'tool', method: 'tools/call', name: params.name }, new Set());
        const { refusal } = begin(policy).judgeBody(Buffer.from(body));
        expect(refusal === undefined).toBe(decision.outcome === 'allowed');
      }),
    );
  });

  it('lets nothing through that it cannot read, and never throws', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
      fc
        .string({ unit: fc.constantFrom(...Array.from('{}[]:,"\\u0a1 methodjsnrpc2.'), ''), maxLength: 60 })
        .map((text) => Buffer.from(text)),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, (body) => {
        const { refusal } = begin([]).judgeBody(body);
        expect([400, 403, undefined]).toContain(refusal?.status);
        if (refusal === undefined) expect(JSON.parse(String(body))).toMatchObject({ jsonrpc: '2.0' });
      }),
      { numRuns: 3000 },
    );
  });

  it('tells who asks nothing of rules and names', () => {
    const rulesWithNames = [policyRule({ name: 'canary rule', effect: 'deny' })];
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"canary"}}';
    const { refusal } = begin(rulesWithNames).judgeBody(Buffer.from(body));
    expect(refusal?.status).toBe(403);
    expect(JSON.stringify(refusal)).not.toContain('canary');
  });
});
