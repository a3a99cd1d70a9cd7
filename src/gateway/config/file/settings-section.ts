import { z } from 'zod';

import { type Environment } from '../read-settings.ts';
import { settings } from '../schema.ts';
import type { Setting } from '../setting.ts';
import type { YamlReading } from './yaml-text.ts';

/** The variable that names the file; it cannot stand inside. */
export const fileVariable = 'GATEHOUSE_CONFIG';

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** Every variable of the environment, each under its name; of secrets only the files that hold them. */
export const settingsSection = z
  .strictObject(
    Object.fromEntries(
      Object.entries<Setting<unknown>>(settings)
        .filter(([name]) => name !== fileVariable)
        .map(([name, setting]) => describeSetting(name, setting)),
    ),
  )
  .meta({
    title: 'Settings',
    description:
      'Variables of the environment, by their names. The environment wins. Secrets are not written here: `NAME_FILE` names the file that holds one.',
  });

function describeSetting(name: string, setting: Setting<unknown>): [string, z.ZodType] {
  if (setting.secret === true) {
    const description = `The file that holds \`${name}\`. ${setting.description}`;
    return [
      `${name}_FILE`,
      z
        .string()
        .optional()
        .meta({ title: `${name}_FILE`, description }),
    ];
  }
  const { description, accepts, separator } = setting;
  const value = separator === undefined ? scalar : z.union([scalar, listOf(separator)]);
  return [name, value.optional().meta({ title: name, description: `${description} Accepts: ${accepts}.` })];
}

/** A list as variables have it is one text: an item with a separator in it would be several. */
function listOf(separator: ',' | ' ') {
  return z.array(
    scalar.refine((item) => !String(item).includes(separator) && String(item).trim() !== '', {
      message: separator === ',' ? 'has a comma in it, or is empty' : 'has a blank in it, or is empty',
      params: { fix: 'write each item of the list by itself' },
    }),
  );
}

/** For a secret that stands where it should not. */
export function hintForSetting(key: string): string | undefined {
  if (key === fileVariable) return 'remove it: a file does not name another';
  const known: Readonly<Record<string, Setting<unknown>>> = settings;
  if (!Object.hasOwn(known, key) || known[key]?.secret !== true) return undefined;
  return `secrets do not stand in this file: write ${key}_FILE and the path of a file that holds it`;
}

/** The texts of the variables as the environment would have them. */
export function readSettingTexts(section: unknown, yaml: Pick<YamlReading, 'findSource'>): Environment {
  const texts: Record<string, string> = {};
  const known: Readonly<Record<string, Setting<unknown>>> = settings;
  for (const [name, value] of Object.entries(section ?? {})) {
    const path = ['settings', name];
    const text = Array.isArray(value)
      ? value.map((_, index) => yaml.findSource([...path, index]) ?? '').join(known[name]?.separator ?? ',')
      : yaml.findSource(path);
    if (text !== undefined) texts[name] = text;
  }
  return texts;
}

/** The file's texts with the environment's over them: a variable that is set there in either form is not read here. */
export function joinEnvironment(env: Environment, texts: Environment): Environment {
  const fromFile = Object.entries(texts).filter(([name]) => {
    const variable = name.replace(/_FILE$/, '');
    return ![name, variable, `${variable}_FILE`].some((other) => isSet(env, other));
  });
  return { ...Object.fromEntries(fromFile), ...withoutEmpty(env, texts) };
}

function isSet(env: Environment, name: string): boolean {
  const known: Readonly<Record<string, Setting<unknown>>> = settings;
  const text = env[name];
  return text !== undefined && (text !== '' || known[name]?.emptyIsValue === true);
}

/** An empty variable counts as unset, and so does not hide the file's. */
function withoutEmpty(env: Environment, texts: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !(name in texts) || isSet(env, name)));
}
