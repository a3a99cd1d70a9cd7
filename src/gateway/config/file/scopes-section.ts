import { z } from 'zod';

import type { ScopeRules } from '../../../services/resources/resource.ts';
import { ValueProblem } from '../setting.ts';
import { textValue } from './text-value.ts';

/** @see RFC 6749 §3.3: the characters of a scope */
const scopeName = textValue((text) => {
  if (/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/.test(text)) return text;
  throw new ValueProblem('is no scope', 'write visible ASCII without blanks, quotes and backslashes');
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
  default: z
    .boolean()
    .default(false)
    .meta({ title: 'Default', description: 'Granted to requests that name no scope.' }),
});

/** The scopes of a mount, by name, in the order in which metadata publishes them. */
export const scopesSection = z
  .record(scopeName, scope)
  .superRefine((scopes, context) => {
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
  .transform((scopes): ScopeRules => ({
    declared: Object.entries(scopes).map(([name, { description, includes }]) => ({
      name,
      description,
      includes,
    })),
    defaults: Object.entries(scopes).flatMap(([name, each]) => (each.default ? [name] : [])),
    required: [],
  }))
  .meta({
    title: 'Scopes',
    description: 'The scopes of this resource, by name. None: every token is good for all of it.',
  });
