import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { loadConfig } from '../../src/gateway/config/load-config.ts';
import {
  describeConfigFile,
  type KeySchema,
  renderConfigFileReference,
} from '../../tools/config-file-reference.ts';
import { strongSecret } from '../support/configuration.ts';

const root = join(import.meta.dirname, '..', '..');

/** Keys of the file anywhere, with the way that leads there. */
function listKeys(schema: KeySchema, path: string): readonly (readonly [string, KeySchema])[] {
  const { properties = {}, additionalProperties, items, anyOf = [], oneOf = [] } = schema;
  const inside = [items, additionalProperties, ...anyOf, ...oneOf].filter((each) => typeof each === 'object');
  return [
    ...Object.entries(properties).flatMap(([key, its]) => [
      [`${path}.${key}`, its] as const,
      ...listKeys(its, `${path}.${key}`),
    ]),
    ...inside.flatMap((each) => listKeys(each, path)),
  ];
}

const keys = listKeys(describeConfigFile(), '');

describe('the schema of the configuration file', () => {
  it('has a title and a description for every key', () => {
    expect(keys.length).toBeGreaterThan(50);
    for (const [path, { title, description }] of keys) {
      expect([path, title, description?.slice(-1)]).toEqual([path, expect.any(String), '.']);
    }
  });

  it('takes no key that it does not name', () => {
    const maps = [describeConfigFile(), ...keys.map(([, schema]) => schema)];
    for (const map of maps.filter(({ properties }) => properties !== undefined)) {
      expect(map.additionalProperties, Object.keys(map.properties ?? {}).join()).toBe(false);
    }
  });

  it('has secrets in files alone', () => {
    const settings = describeConfigFile().properties?.['settings']?.properties ?? {};
    expect(Object.keys(settings)).toContain('TOKEN_SIGNING_SECRET_FILE');
    expect(Object.keys(settings)).not.toContain('TOKEN_SIGNING_SECRET');
  });

  it('is told key by key, but for the settings', () => {
    const page = renderConfigFileReference();
    for (const text of ['### `mounts`', '| `upstream_authorization_file` |', '| `scopes.NAME.includes` |']) {
      expect(page).toContain(text);
    }
  });
});

describe('the example files', () => {
  const files = globSync('examples/**/gatehouse.yaml', { cwd: root });

  it('are there', () => {
    expect(files).not.toEqual([]);
  });

  it.each(files)('%s is good, and warns of nothing', (file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const config = loadConfig({ GATEHOUSE_CONFIG: file }, (path) => (path === file ? text : strongSecret));
    expect(config.mounts.length).toBeGreaterThan(1);
    expect(config.warnings).toEqual([]);
  });
});
