import { z } from 'zod';

import { expandScope, findScopeCycle, isScopeToken, offlineAccess } from '../../../protocol/scope.ts';
import type { ScopeRules } from '../../../services/resources/resource.ts';
import { ValueProblem } from '../setting.ts';
import { textValue } from './text-value.ts';

/** @see RFC 6749 §3.3: the characters of a scope */
const scopeName = textValue((text) => {
  if (!isScopeToken(text) || text.length > 128) {
    throw new ValueProblem('is no scope', 'write visible ASCII without blanks, quotes and backslashes');
  }
  if (text === offlineAccess) {
    throw new ValueProblem(
      'is no scope of a server',
      'remove it: clients that ask for it get it, whatever is declared',
    );
  }
  return text;
});

const scope = z.strictObject({
  description: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({ title: 'Description', description: 'What it allows, for people: on the consent page.' }),
  includes: z
    .array(z.string())
    .default([])
    .meta({ title: 'Includes', description: 'Scopes of this mount that whoever has this one has as well.' }),
  default: z.boolean().default(false).meta({
    title: 'Default',
    description:
      'Asked for at first: by requests that name no scope, and by clients that ask for what metadata and the 401 challenge name. Without any, the required ones are.',
  }),
  required: z
    .boolean()
    .default(false)
    .meta({ title: 'Required', description: 'Every call needs it, by itself or within a wider one.' }),
});

type Scopes = Readonly<Record<string, z.output<typeof scope>>>;

/** The scopes of a mount, by name, in the order in which the consent page has them. */
export const scopesSection = z
  .record(scopeName, scope)
  .superRefine((scopes, context) => {
    const refuse = (message: string, fix: string, path: readonly string[]): void =>
      context.addIssue({ code: 'custom', message, params: { fix }, path: [...path] });
    const cycle = findScopeCycle(declare(scopes));
    // One that includes itself has a problem of its own.
    if (cycle !== undefined && cycle.length > 2) {
      refuse(
        `leads back to itself: ${cycle.join(' → ')}`,
        'let the wider one include the narrower, and not the other way round',
        [String(cycle[0]), 'includes'],
      );
    }
    const { defaults, required } = readRules(scopes);
    if (Object.keys(scopes).length > 0 && defaults.length === 0) {
      refuse('has no scope that is asked for at first', 'mark at least one with default: true', []);
    }
    const reached = expandScope(defaults, { declared: declare(scopes) });
    for (const name of required.filter((each) => !reached.has(each))) {
      refuse(
        'is needed for every call, and first logins do not ask for it',
        'mark it with default: true, too, or include it in a scope that is',
        [name, 'required'],
      );
    }
    for (const [name, { includes }] of Object.entries(scopes)) {
      for (const [index, included] of includes.entries()) {
        if (Object.hasOwn(scopes, included) && included !== name) continue;
        context.addIssue({
          code: 'custom',
          message: included === name ? 'is the scope itself' : 'is no scope of this mount',
          params: { fix: 'name another scope that is declared beside this one, or remove it' },
          path: [name, 'includes', index],
        });
      }
    }
  })
  .transform(readRules)
  .meta({
    title: 'Scopes',
    description: 'The scopes of this resource, by name. None: every token is good for all of it.',
  });

function readRules(scopes: Scopes): ScopeRules {
  const entries = Object.entries(scopes);
  const required = entries.flatMap(([name, each]) => (each.required ? [name] : []));
  const marked = entries.flatMap(([name, each]) => (each.default ? [name] : []));
  return { declared: declare(scopes), defaults: marked.length === 0 ? required : marked, required };
}

function declare(scopes: Scopes): ScopeRules['declared'] {
  return Object.entries(scopes).map(([name, { description, includes }]) => ({ name, description, includes }));
}
