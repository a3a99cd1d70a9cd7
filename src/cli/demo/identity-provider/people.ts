import { createHash } from 'node:crypto';

/** What the development identity provider vouches for in an ID token. */
export interface Person {
  readonly subject: string;
  readonly name: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly groups: readonly string[];
}

/** People to be, one click each: with groups, without, and one whose e-mail address nobody has checked. */
export const samplePeople: readonly Person[] = [
  {
    subject: 'sample-ada',
    name: 'Ada Sample',
    email: 'ada@example.com',
    emailVerified: true,
    groups: ['engineering', 'admins'],
  },
  {
    subject: 'sample-ben',
    name: 'Ben Sample',
    email: 'ben@example.com',
    emailVerified: true,
    groups: ['support'],
  },
  {
    subject: 'sample-cleo',
    name: 'Cleo Sample',
    email: 'cleo@example.com',
    emailVerified: false,
    groups: [],
  },
];

const maxEmailCharacters = 254;
const maxGroupsCharacters = 500;
const emailSyntax = /^[^\s@,;<>"]+@[^\s@,;<>"]+$/;
const groupSyntax = /^[\w.:/@ -]{1,64}$/;

export type TypedPerson =
  | { readonly outcome: 'person'; readonly person: Person }
  | { readonly outcome: 'refused'; readonly field: 'email' | 'groups'; readonly message: string };

/** Makes a person from what was typed into the login form. The same address is always the same subject. */
export function parseTypedPerson(typedEmail: string, typedGroups: string): TypedPerson {
  const email = typedEmail.trim().toLowerCase();
  if (email.length > maxEmailCharacters || !emailSyntax.test(email)) {
    return { outcome: 'refused', field: 'email', message: 'Type an e-mail address such as you@example.com.' };
  }
  const groups = typedGroups
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '');
  if (typedGroups.length > maxGroupsCharacters || !groups.every((group) => groupSyntax.test(group))) {
    const message = 'Separate groups by commas; use letters, digits, spaces and . : / @ _ - only.';
    return { outcome: 'refused', field: 'groups', message };
  }
  const subject = `mail-${createHash('sha256').update(email).digest('hex').slice(0, 24)}`;
  const name = email.slice(0, email.indexOf('@'));
  return { outcome: 'person', person: { subject, name, email, emailVerified: true, groups } };
}
