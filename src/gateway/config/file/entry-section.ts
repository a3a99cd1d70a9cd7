import { z } from 'zod';

import type { EntrySettings } from '../../../services/entry/entry-gate.ts';
import { type AllowAndDeny, everybody } from '../../../services/entry/entry-rules.ts';
import { parseDuration } from '../go-duration.ts';
import { ValueProblem } from '../setting.ts';
import { groupAtIssuer, subjectAtIssuer } from './names-at-issuer.ts';
import { durationValue, textValue } from './text-value.ts';

// Printable ASCII but blanks at its ends: what else a claim may hold is left out or refused where it is read.
const plain = textValue((text) => {
  if (/^[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?$/.test(text)) return text;
  throw new ValueProblem('is nothing that an identity provider says', 'write what its ID tokens have, whole');
});

const groupName = z
  .string()
  .min(1)
  .max(512)
  .refine((text) => text.trim() === text && !text.includes(','), {
    message: 'is no name that a group can have here',
    params: { fix: 'remove commas, and blanks at its ends' },
  });
const group = z.union([groupName, groupAtIssuer(groupName)]);
const groups = z.array(group).max(10_000).default([]);

// Lower case, since addresses are compared so. ASCII: addresses with other characters do not count as known.
const email = textValue((text) => {
  if (/^[\x21-\x3f\x41-\x7e]{1,64}@[a-z0-9][a-z0-9.-]{0,252}$/i.test(text)) return text.toLowerCase();
  throw new ValueProblem('is no e-mail address', 'write it whole, or its domain under domains');
});

const domain = textValue((text) => {
  if (/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text)) return text.toLowerCase();
  throw new ValueProblem('is no domain', 'write what stands behind the @, in its ASCII form (xn--…)');
});

// acr_values is a list with blanks between them.
const classOfLogin = textValue((text) => {
  if (/^[\x21-\x7e]{1,256}$/.test(text)) return text;
  throw new ValueProblem('is no class of a login', 'write one acr, without blanks');
});

const method = textValue((text) => {
  if (/^[\x21-\x7e]{1,64}$/.test(text)) return text;
  throw new ValueProblem('is no method of a login', 'write one amr, such as mfa');
});

const subject = z.union([
  plain.transform((name) => ({ issuer: undefined, subject: name })),
  subjectAtIssuer(plain),
]);

/** Who is on a list, and who must not be; nobody can be both. */
function allowAndDeny<Item extends z.ZodType>(item: Item, whom: string) {
  const list = z.array(item).max(10_000).default([]);
  return z
    .strictObject({
      allow: list.meta({ title: `Allowed ${whom}`, description: 'Only these may enter. Empty: everybody.' }),
      deny: list.meta({
        title: `Denied ${whom}`,
        description: 'These may not enter; nor may those of whom it is not known.',
      }),
    })
    .superRefine(({ allow, deny }, context) => {
      const allowed = new Set(allow.map((each) => JSON.stringify(each)));
      for (const [index, each] of deny.entries()) {
        if (!allowed.has(JSON.stringify(each))) continue;
        const params = { fix: 'remove it from one of the two: a denial decides' };
        context.addIssue({ code: 'custom', message: 'is allowed as well', params, path: ['deny', index] });
      }
    })
    .optional();
}

/** Who may enter: of all mounts, or of one. */
export const entrySection = z
  .strictObject({
    groups: z
      .strictObject({
        any: groups.meta({ title: 'Any of these groups', description: 'One of them is needed.' }),
        all: groups.meta({ title: 'All of these groups', description: 'Each of them is needed.' }),
        none: groups.meta({
          title: 'None of these groups',
          description: 'With one of them nobody may enter.',
        }),
      })
      .superRefine(({ any, all, none }, context) => {
        const asked = new Set([...any, ...all].map((each) => JSON.stringify(each)));
        for (const [index, name] of none.entries()) {
          if (!asked.has(JSON.stringify(name))) continue;
          const params = { fix: 'remove it from one of the two: none decides' };
          context.addIssue({
            code: 'custom',
            message: 'is asked for as well',
            params,
            path: ['none', index],
          });
        }
      })
      .optional()
      .meta({
        title: 'Groups',
        description:
          'Groups of the (first) identity provider of the mount, or `{ issuer: …, group: … }` of another; at GitHub the organisations (`acme`) and teams (`acme/ops`) of the person. A name under `none` counts at every provider.',
      }),
    emails: allowAndDeny(email, 'addresses').meta({
      title: 'E-mail addresses',
      description: 'Verified addresses, compared without regard to case.',
    }),
    domains: allowAndDeny(domain, 'domains').meta({
      title: 'E-mail domains',
      description: 'What stands behind the `@` of the verified address. Subdomains are domains of their own.',
    }),
    subjects: allowAndDeny(subject, 'accounts').meta({
      title: 'Accounts',
      description:
        '`sub` of people at the identity provider that is set, or `{ issuer: …, subject: … }` at another.',
    }),
    acr: z.array(classOfLogin).min(1).max(100).optional().meta({
      title: 'Class of the login',
      description:
        'One of these has to be the `acr` of the login. The provider is asked for them (`acr_values`).',
    }),
    amr: z.array(method).min(1).max(16).optional().meta({
      title: 'Methods of the login',
      description: 'All of these have to be among its `amr`, such as `mfa`, as the provider says them.',
    }),
    max_authentication_age: durationValue((text) =>
      parseDuration(text, { minSeconds: 60, maxSeconds: 31_536_000, text: '1m to 8760h' }),
    )
      .optional()
      .meta({
        title: 'Age of the login',
        description:
          'How long ago the person may have logged in at the provider, such as `12h`. The provider is asked for it (`max_age`), and whoever is in has to log in again then.',
      }),
    contact: z
      .string()
      .min(1)
      .max(200)
      .refine((text) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(text), {
        message: 'has characters that cannot be seen',
        params: { fix: 'write one line of plain text' },
      })
      .optional()
      .meta({
        title: 'Contact',
        description: 'Whom those ask who may not enter: plain text on the page that they see.',
      }),
  })
  .transform((value): EntrySettings => {
    const { groups: of, acr = [], amr = [], max_authentication_age: age, contact } = value;
    const rules = {
      groups: of ?? everybody.groups,
      emails: value.emails ?? nobodyNamed,
      domains: value.domains ?? nobodyNamed,
      subjects: value.subjects ?? nobodyNamed,
      acr,
      amr,
      maxAuthenticationAgeSeconds: age,
    };
    return { rules, contact };
  })
  .meta({
    title: 'Entry',
    description:
      'Who may enter: every rule has to be satisfied, at the login, at each refresh and at each call. Absent: everybody whom the identity provider and `ALLOWED_GROUPS` let in.',
  });

const nobodyNamed: AllowAndDeny<never> = { allow: [], deny: [] };

/** Whether the rules go by e-mail addresses. */
export function entersByEmail({ rules: { emails, domains } }: EntrySettings): boolean {
  return [emails.allow, emails.deny, domains.allow, domains.deny].some((list) => list.length > 0);
}

/** Whether the rules go by how somebody logged in. */
export function entersByLogin({ rules }: EntrySettings): boolean {
  return rules.acr.length > 0 || rules.amr.length > 0 || rules.maxAuthenticationAgeSeconds !== undefined;
}
