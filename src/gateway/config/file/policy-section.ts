import { z } from 'zod';

import { isPlainName } from '../../../resource-server/policy/rpc-messages.ts';
import { fingerprintClientId } from '../../../services/clients/client.ts';
import {
  listWho,
  type PolicyRule,
  type PolicyRules,
  type What,
  type Who,
} from '../../../services/policy/rule.ts';
import { groupAtIssuer, subjectAtIssuer } from './names-at-issuer.ts';

// A rule that can never fit denies nothing, and nobody hears of it.
const pattern = z
  .string()
  .min(1)
  .max(1024)
  .refine(isPlainName, {
    message: 'is no name that a call can have',
    params: { fix: 'remove blanks at its ends and control characters' },
  });
const patterns = z.array(pattern).min(1).max(1000);

const what = z
  .strictObject({
    tools: patterns.optional().meta({ title: 'Tools', description: 'Names of tools, as in `tools/call`.' }),
    prompts: patterns
      .optional()
      .meta({ title: 'Prompts', description: 'Names of prompts; what they can be completed with as well.' }),
    resources: patterns.optional().meta({
      title: 'Resources',
      description:
        'URIs of resources that may be read and subscribed to, and URI templates as they are written.',
    }),
    methods: patterns.optional().meta({
      title: 'Methods',
      description: 'JSON-RPC methods with whatever they are about, or `GET /path` below the mount.',
      examples: [['tasks/*']],
    }),
  })
  .superRefine((value, context) => {
    refuseEmpty(value, context, 'names nothing', 'write tools, prompts, resources or methods, or everything');
  });

const whats = z.union([z.literal('everything'), what]);

/** What has another problem may be empty for that reason. */
function refuseEmpty(value: object, context: z.core.$RefinementCtx, message: string, fix: string): void {
  if (context.issues.length > 0 || Object.keys(value).length > 0) return;
  context.addIssue({ code: 'custom', message, params: { fix } });
}

const name = z.string().min(1).max(512);
/** Of people and clients: compared whole. */
const whole = name.refine((text) => !text.includes('*'), {
  message: 'has *, which stands for nothing but itself here',
  params: { fix: 'write each name out: * is for tools, prompts, resources and methods' },
});
const names = z.array(whole).min(1).max(10_000);
const addresses = z
  .array(
    whole.refine((text) => /^[^@\s]+@[^@\s]+$/.test(text), {
      message: 'is no e-mail address',
      params: { fix: 'write it whole, or its domain under email_domains' },
    }),
  )
  .min(1)
  .max(10_000);
const domain = z
  .string()
  .max(253)
  .refine((text) => /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text), {
    message: 'is no domain',
    params: {
      fix: 'write what stands behind the @, in its ASCII form (xn--…), without *: a subdomain is another',
    },
  });
const subject = z.union([whole, subjectAtIssuer(whole)]);
const group = z.union([whole, groupAtIssuer(whole)]);

const who = z
  .strictObject({
    groups: z.array(group).min(1).max(10_000).optional().meta({
      title: 'Groups',
      description:
        'Groups of the (first) identity provider of the mount, or `{ issuer: …, group: … }` of another, one of which the person has. Where it lets people do less, a mere name counts at every provider.',
    }),
    email_domains: z.array(domain).min(1).max(10_000).optional().meta({
      title: 'E-mail domains',
      description: 'What stands behind the `@` of the verified address. Subdomains are domains of their own.',
    }),
    emails: addresses.optional().meta({ title: 'E-mail addresses', description: 'Verified addresses.' }),
    subjects: z.array(subject).min(1).max(10_000).optional().meta({
      title: 'Subjects',
      description:
        '`sub` of people at the identity provider that is set, or `{ issuer: …, subject: … }` at another.',
    }),
    clients: names.optional().meta({
      title: 'Clients',
      description: 'Client ids, or their fingerprints as `gatehouse clients list` shows them.',
    }),
  })
  .superRefine((value, context) => {
    refuseEmpty(
      value,
      context,
      'names nobody',
      'write groups, email_domains, emails, subjects or clients, or remove it',
    );
  })
  .transform((value): Who => ({
    groups: value.groups,
    emailDomains: value.email_domains,
    emails: value.emails,
    subjects: value.subjects?.map((each) =>
      typeof each === 'string' ? { issuer: undefined, subject: each } : each,
    ),
    clients: value.clients?.flatMap((each) => [each, fingerprintClientId(each)]),
  }));

const whos = z.union([who.transform((each): Who[] => [each]), z.array(who).min(1).max(1000)]);

const rule = z
  .strictObject({
    name: z.string().min(1).max(100).meta({
      title: 'Name',
      description: 'For people: in the log, in metrics and in explanations. Clients are not told. Each once.',
    }),
    allow: whats.optional().meta({ title: 'Allow', description: 'What the rule allows, or `everything`.' }),
    deny: whats.optional().meta({ title: 'Deny', description: 'What the rule denies, or `everything`.' }),
    to: whos.optional().meta({
      title: 'To',
      description:
        'Whom it is about: all of what is named has to hold; of a list, one entry. Absent: everybody.',
    }),
    except: whos
      .optional()
      .meta({ title: 'Except', description: 'Whom it is not about, whatever `to` says.' }),
    scopes: z.array(name).min(1).max(100).optional().meta({
      title: 'Scopes',
      description:
        'Scopes of this mount that the token needs for what is allowed, all of them. A client without is told which, and asks the person.',
    }),
  })
  .superRefine((value, context) => {
    const refuse = (key: string | undefined, message: string, fix: string): void => {
      context.addIssue({ code: 'custom', message, params: { fix }, path: key === undefined ? [] : [key] });
    };
    if ((value.allow === undefined) === (value.deny === undefined)) {
      refuse(undefined, 'has not one of allow and deny', 'write one of the two');
    }
    // A client drops a scope whenever it likes, and would be denied less.
    if (value.deny !== undefined && value.scopes !== undefined) {
      refuse('scopes', 'belongs to an allowance', 'remove it: what is denied is denied with every scope');
    }
  })
  .transform(({ name: ruleName, allow, deny, to, except, scopes }): PolicyRule => {
    const meant: What | 'everything' = allow ?? deny ?? 'everything';
    return {
      name: ruleName,
      effect: allow === undefined ? 'deny' : 'allow',
      what: meant,
      to,
      except: except ?? [],
      scopes: scopes ?? [],
    };
  });

/** Who may call what on a mount. */
export const policySection = z
  .strictObject({
    default: z.enum(['allow', 'deny']).meta({
      title: 'Default',
      description:
        'What holds for calls that no rule is about. `deny` is the safe one: a tool that the server gets tomorrow is not open at once.',
    }),
    rules: z.array(rule).max(1000).default([]).meta({
      title: 'Rules',
      description: 'In any order: a denial that fits decides, then an allowance, then the default.',
    }),
  })
  .superRefine(({ default: otherwise, rules }, context) => {
    // With a problem in one of them they are not what they look like.
    if (context.issues.length > 0) return;
    for (const [index, each] of rules.entries()) {
      const refuse = (message: string, fix: string): void => {
        context.addIssue({ code: 'custom', message, params: { fix }, path: ['rules', index] });
      };
      if (rules.slice(0, index).some((earlier) => earlier.name === each.name)) {
        refuse('has the name of another rule', 'give each rule a name of its own');
      }
      if (otherwise === 'allow' && each.effect === 'allow' && each.scopes.length === 0) {
        refuse(
          'allows what is allowed by default',
          'write default: deny, or deny what others may not do, with except for these',
        );
      }
    }
  })
  .transform(({ default: otherwise, rules }): PolicyRules => ({ otherwise, rules }))
  .meta({
    title: 'Policy',
    description:
      'Who may call which tools, prompts, resources and methods. Absent: whoever has a token for the mount, everything, and no body is read.',
  });

/** Where a rule needs a scope that the mount does not have: nobody could ever be granted it. */
export function findUndeclaredScopes(
  { rules }: PolicyRules,
  declared: readonly { readonly name: string }[],
): ReadonlyArray<readonly [rule: number, scope: number]> {
  const known = new Set(declared.map((scope) => scope.name));
  return rules.flatMap(({ scopes }, rule) =>
    scopes.flatMap((name, scope) => (known.has(name) ? [] : [[rule, scope] as const])),
  );
}

/** Whether a rule goes by e-mail addresses. */
export function asksForEmail({ rules }: PolicyRules): boolean {
  return rules
    .flatMap(listWho)
    .some(({ emails, emailDomains }) => emails !== undefined || emailDomains !== undefined);
}
