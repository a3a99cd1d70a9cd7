import type { ConfigFile } from '../gateway/config/file/config-file.ts';
import { createEntryGate, type EntrySettings, type ResourceEntrant } from '../services/entry/entry-gate.ts';
import type { EntryRefusal, EntryRules } from '../services/entry/entry-rules.ts';
import type { PolicyCaller } from '../services/policy/rule.ts';
import type { AskedLogin } from './policy-question.ts';

type Mount = NonNullable<ConfigFile['mounts']>[0];

/** What the entry rules make of somebody. */
export interface EntryAnswer {
  /** The key of the rules that keep them out, as it is written in the file. Undefined: none that could be judged. */
  readonly refusedBy: string | undefined;
  /** Keys of the rules about how somebody logged in, of which the question says nothing. */
  readonly notJudged: readonly string[];
}

const keys: Readonly<Record<EntryRefusal, string>> = {
  group: 'groups',
  entry_subject: 'subjects',
  entry_email: 'emails',
  entry_domain: 'domains',
  entry_acr: 'acr',
  entry_amr: 'amr',
  entry_age: 'max_authentication_age',
};

/** Any moment: what counts is how long ago a login was. */
const now = 1_000_000_000;
const clock = { nowSeconds: () => now, nowMilliseconds: () => now * 1000 };

/** Judges by the rules of all mounts and of this one, as a server would. */
export function judgeEntry(
  { entry, mounts = [] }: Pick<ConfigFile, 'entry' | 'mounts'>,
  mount: Mount,
  who: { readonly caller: PolicyCaller; readonly login: AskedLogin; readonly homeIssuer: string },
): EntryAnswer {
  const place = `mounts[${mounts.indexOf(mount)}].entry`;
  const both = [
    ['entry', entry],
    [place, mount.entry],
  ] as const;
  const notJudged = both.flatMap(([where, settings]) =>
    settings === undefined
      ? []
      : listUnknown(settings.rules, who.login).map((key) => `${where}.${keys[key]}`),
  );
  for (const [where, settings] of both) {
    const refusal = settings && judge(settings, who);
    if (refusal !== undefined) return { refusedBy: `${where}.${keys[refusal]}`, notJudged };
  }
  return { refusedBy: undefined, notJudged };
}

function judge(
  { rules, contact }: EntrySettings,
  { caller, login, homeIssuer }: Parameters<typeof judgeEntry>[2],
): EntryRefusal | undefined {
  const resource = '';
  const settings = { rules: leaveUnknownOut(rules, login), contact };
  const homeIssuers = new Map([[resource, homeIssuer]]);
  const gate = createEntryGate({ all: settings, ofResource: new Map(), homeIssuers }, { clock });
  const entrant: ResourceEntrant = {
    ...caller,
    resource,
    acr: login.acr,
    amr: login.amr,
    authenticatedAt: login.ageSeconds === undefined ? undefined : now - login.ageSeconds,
  };
  return gate.judge(entrant);
}

function listUnknown(rules: EntryRules, { acr, amr, ageSeconds }: AskedLogin): readonly EntryRefusal[] {
  return [
    ...(rules.acr.length > 0 && acr === undefined ? (['entry_acr'] as const) : []),
    ...(rules.amr.length > 0 && amr === undefined ? (['entry_amr'] as const) : []),
    ...(rules.maxAuthenticationAgeSeconds !== undefined && ageSeconds === undefined
      ? (['entry_age'] as const)
      : []),
  ];
}

function leaveUnknownOut(rules: EntryRules, { acr, amr, ageSeconds }: AskedLogin): EntryRules {
  return {
    ...rules,
    acr: acr === undefined ? [] : rules.acr,
    amr: amr === undefined ? [] : rules.amr,
    maxAuthenticationAgeSeconds: ageSeconds === undefined ? undefined : rules.maxAuthenticationAgeSeconds,
  };
}
