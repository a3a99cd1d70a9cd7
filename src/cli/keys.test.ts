import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../platform/random.ts';
import { parseKeyFile } from '../services/keys/key-file-format.ts';
import { destroyOneKey, generateKeys, type KeysContext, rotateKeys, showKeys } from './keys.ts';

const day = 86_400;
const importedSecret = 'pQ7r9sT2vX4zB6nM8kL1jH3gF5dS0aWe';

let folder = '';
let now = 0;
let context: KeysContext;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-keys-'));
  now = 1_800_000_000;
  context = {
    path: join(folder, 'keys.json'),
    clock: { nowSeconds: () => now },
    random: systemRandom,
    env: { TOKEN_SIGNING_SECRET: importedSecret },
    readFile: () => '',
  };
});

afterEach(() => rmSync(folder, { recursive: true }));

function states(): string[] {
  const { keys } = JSON.parse(showKeys(context, { json: true })) as { keys: { state: string }[] };
  return keys.map(({ state }) => state);
}

describe('gatehouse keys', () => {
  it('takes a deployment through a rotation and an emergency, key by key', () => {
    generateKeys(context, { fromEnvironment: false });
    expect(states()).toEqual(['active']);
    rotateKeys(context, { activateIn: 60, retireIn: 40 * day });
    expect(states()).toEqual(['active', 'announced']);
    now += 60;
    expect(states()).toEqual(['retiring', 'active']);
    rotateKeys(context, { activateIn: 60, retireIn: undefined });
    now += 60;
    expect(states()).toEqual(['retiring', 'retiring', 'active']);
    now += 40 * day;
    expect(states()).toEqual(['destroyed', 'retiring', 'active']);
    const active = parseKeyFile(readFileSync(context.path, 'utf8')).at(-1);
    destroyOneKey(context, active?.id ?? '', { confirmed: true });
    expect(states()).toEqual(['destroyed', 'retiring', 'destroyed', 'active']);
  });

  it('never prints a secret, and keeps none of a destroyed key', () => {
    const printed = [generateKeys(context, { fromEnvironment: true })];
    printed.push(rotateKeys(context, { activateIn: 60, retireIn: 40 * day }));
    const secrets = parseKeyFile(readFileSync(context.path, 'utf8')).map(({ secret }) => secret ?? '');
    const [{ id } = { id: '' }] = parseKeyFile(readFileSync(context.path, 'utf8'));
    printed.push(showKeys(context, { json: false }), showKeys(context, { json: true }));
    printed.push(destroyOneKey(context, id, { confirmed: true }));
    expect(secrets).toHaveLength(2);
    expect(secrets[0]).toBe(importedSecret);
    for (const secret of secrets) expect(printed.join('')).not.toContain(secret);
    expect(readFileSync(context.path, 'utf8')).not.toContain(importedSecret);
  });

  it('makes a secret of 48 random bytes for each key', () => {
    generateKeys(context, { fromEnvironment: false });
    rotateKeys(context, { activateIn: 60, retireIn: undefined });
    const secrets = parseKeyFile(readFileSync(context.path, 'utf8')).map(({ secret }) => secret ?? '');
    expect(new Set(secrets).size).toBe(2);
    for (const secret of secrets) expect(Buffer.from(secret, 'base64')).toHaveLength(48);
  });

  it('destroys nothing without being told to, really', () => {
    generateKeys(context, { fromEnvironment: true });
    const before = readFileSync(context.path, 'utf8');
    const [{ id } = { id: '' }] = parseKeyFile(before);
    expect(() => destroyOneKey(context, id, { confirmed: false })).toThrow('ends everything');
    expect(readFileSync(context.path, 'utf8')).toBe(before);
  });
});
