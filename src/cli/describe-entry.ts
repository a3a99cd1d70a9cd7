import type { EntrySettings } from '../services/entry/entry-gate.ts';
import type { EntryRules } from '../services/entry/entry-rules.ts';

type Ask = (rules: EntryRules) => boolean;

/** Keys of the file, each with whether its rule refuses anybody. */
const keys: Readonly<Record<string, Ask>> = {
  groups: ({ groups: { any, all, none } }) => any.length + all.length + none.length > 0,
  emails: ({ emails }) => emails.allow.length + emails.deny.length > 0,
  domains: ({ domains }) => domains.allow.length + domains.deny.length > 0,
  subjects: ({ subjects }) => subjects.allow.length + subjects.deny.length > 0,
  acr: ({ acr }) => acr.length > 0,
  amr: ({ amr }) => amr.length > 0,
  max_authentication_age: ({ maxAuthenticationAgeSeconds: age }) => age !== undefined,
};

/** What entry rules go by, for a summary: `groups, domains`. Undefined: everybody satisfies them. */
export function describeEntryRules(entry: EntrySettings | undefined): string | undefined {
  if (entry === undefined) return undefined;
  const asked = Object.entries(keys).flatMap(([key, asks]) => (asks(entry.rules) ? [key] : []));
  return asked.length === 0 ? undefined : asked.join(', ');
}
