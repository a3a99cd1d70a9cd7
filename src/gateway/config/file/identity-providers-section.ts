import { z } from 'zod';

import { keyOfSetting, providerSettings } from '../provider-settings.ts';
import { type Setting, ValueProblem } from '../setting.ts';
import { textValue } from './text-value.ts';

const settings: ReadonlyArray<readonly [variable: string, setting: Setting<unknown>]> =
  Object.entries<Setting<unknown>>(providerSettings);

const provider = z
  .strictObject({
    name: textValue(parseName).meta({
      title: 'Name',
      description:
        'Names it in logs, and in its redirect URI: with several, `PROXY_BASE_URL` + `/callback/NAME`. Lower-case letters, digits and `-`. Each once.',
      examples: ['corp'],
    }),
    title: z.string().trim().min(1).max(60).optional().meta({
      title: 'Title',
      description:
        'Its name for people, on the button “Continue with …”. What the preset is called, if nothing is said.',
    }),
    ...Object.fromEntries(settings.map(([variable, setting]) => describeKey(variable, setting))),
  })
  .meta({ title: 'Identity provider', description: 'One place where people log in.' });

/** Where people log in, in place of the variables that describe one. */
export const identityProvidersSection = z.array(provider).min(1).max(20).meta({
  title: 'Identity providers',
  description:
    'Where people log in, in place of `IDP`, `OIDC_…` and the other variables about one provider. Read at the start alone. See [several identity providers](identity-providers/several.md).',
});

/** An entry whose own keys are all good. */
export interface ProviderEntry {
  readonly name: string;
  readonly title: string | undefined;
  /** By variable, as the setting reads them; what is not there is not written. A secret is the path of its file. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** The providers whose own keys are all good, each with its place in the list. */
export function findGoodProviders(
  section: unknown,
): ReadonlyArray<readonly [index: number, entry: ProviderEntry]> {
  if (!Array.isArray(section)) return [];
  return section.flatMap((item: unknown, index) => {
    const { data } = provider.safeParse(item);
    if (data === undefined) return [];
    const { name, title, ...rest } = data;
    const read: Readonly<Record<string, unknown>> = rest;
    const values = settings
      .map(([variable]) => [variable, read[keyOfSetting(variable)]] as const)
      .filter(([, value]) => value !== undefined);
    return [[index, { name, title, values: Object.fromEntries(values) }] as const];
  });
}

/** The key of a variable: its text is read by the variable's own parser, so that both accept the same. */
function describeKey(variable: string, setting: Setting<unknown>): [string, z.ZodType] {
  const key = keyOfSetting(variable);
  const { description, accepts, separator } = setting;
  if (setting.secret === true) {
    const title = { title: key, description: `The file that holds it. As \`${variable}\`: ${description}` };
    const file = z.string().min(1);
    return [key, 'unset' in setting ? file.optional().meta(title) : file.meta(title)];
  }
  const meta = { title: key, description: `As \`${variable}\`: ${description} Accepts: ${accepts}.` };
  const text = textValue((value) => setting.parse(value, () => {}));
  // Of these there is nothing to parse but true and false, which are no text in this file.
  const isFlag = setting.unset === false;
  const value = isFlag
    ? z.boolean()
    : separator === undefined
      ? text
      : z.union([
          text,
          z
            .array(z.string())
            .transform((items) => items.join(separator))
            .pipe(text),
        ]);
  return [key, 'unset' in setting ? value.optional().meta(meta) : value.meta(meta)];
}

function parseName(text: string): string {
  if (/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(text)) return text;
  throw new ValueProblem('is no name', 'write up to 32 lower-case letters, digits and -, such as corp');
}
