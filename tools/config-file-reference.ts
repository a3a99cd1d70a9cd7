/**
 * What editors and people are told of the configuration file, from the schemas that read it: docs/gatehouse.schema.json,
 * and the tables in docs/configuration-file.md. `npm run docs` writes both.
 */
import { z } from 'zod';

import { configFileSchema } from '../src/gateway/config/file/config-file.ts';

/** The part of JSON Schema that our schemas come to. */
export interface KeySchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly additionalProperties?: KeySchema | boolean;
  readonly items?: KeySchema;
  readonly anyOf?: readonly KeySchema[];
  readonly oneOf?: readonly KeySchema[];
}

/** As JSON Schema of draft 7, which the language servers of editors know best. */
export function describeConfigFile(): KeySchema {
  return z.toJSONSchema(configFileSchema, { io: 'input', target: 'draft-07' }) as KeySchema;
}

/** Sections that are said elsewhere key by key. */
const told: ReadonlySet<string> = new Set(['settings']);

/** Markdown: a chapter for each section, a row for each key. */
export function renderConfigFileReference(): string {
  return Object.entries(describeConfigFile().properties ?? {})
    .filter(([name]) => !told.has(name))
    .map(([name, schema]) => {
      const { description = '', ...rest } = schema;
      const rows = listKeys(schema.items ?? rest, '');
      return [
        `### \`${name}\`\n\n${description}\n`,
        '| Key | Takes | What it is |',
        '| --- | --- | --- |',
        ...rows.map((row) => `| ${row.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`),
        '',
      ].join('\n');
    })
    .join('\n');
}

/** Keys below a map or a list, each with the way that leads there. */
function listKeys(schema: KeySchema, prefix: string): readonly (readonly string[])[] {
  const { properties = {}, required = [], additionalProperties } = schema;
  const named = Object.entries(properties).flatMap(([key, its]) => {
    const path = `${prefix}${key}`;
    const what = required.includes(key) && its.default === undefined ? `**required**: ` : '';
    return [
      [`\`${path}\``, describeType(its), `${what}${its.description ?? ''}${describeDefault(its)}`],
      ...listKeysBelow(its, path),
    ];
  });
  const free = typeof additionalProperties === 'object' ? additionalProperties : undefined;
  return free === undefined ? named : [...named, ...listKeys(free, `${prefix}NAME.`)];
}

function listKeysBelow(schema: KeySchema, path: string): readonly (readonly string[])[] {
  const forms = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  const ofMaps = forms.flatMap((form) => listKeys(form, `${path}.`));
  // A list of what may also stand alone.
  if (ofMaps.length > 0) return ofMaps;
  return forms.flatMap(({ items }) => (items === undefined ? [] : listKeys(items, `${path}[].`)));
}

function describeType(schema: KeySchema): string {
  const { type, items, const: constant, enum: values, anyOf, oneOf } = schema;
  const either = anyOf ?? oneOf;
  if (constant !== undefined) return `\`${constant}\``;
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ');
  if (either !== undefined) return [...new Set(either.map(describeType))].join(', or ');
  if (type === 'array')
    return `list of ${items === undefined ? 'values' : (plurals[describeType(items)] ?? describeType(items))}`;
  return types[type ?? ''] ?? 'any value';
}

const types: Readonly<Record<string, string>> = {
  boolean: '`true` or `false`',
  integer: 'whole number',
  number: 'number',
  object: 'map',
  string: 'text',
};

const plurals: Readonly<Record<string, string>> = { map: 'maps', text: 'texts' };

function describeDefault({ default: value }: KeySchema): string {
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number'
    ? ` Default: \`${value}\`.`
    : '';
}
