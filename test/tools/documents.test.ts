import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const left = new Set(['node_modules', '.git', 'dist', 'out']);

function listDocuments(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (left.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return listDocuments(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

describe('the documents', () => {
  const documents = listDocuments(root);

  it('are found', () => {
    expect(documents.length).toBeGreaterThan(10);
  });

  it('link only to what is there', () => {
    const dead = documents.flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map((match) => match[1] as string)
        .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(dirname(path), target)))
        .map((target) => `${relative(root, path)} → ${target}`),
    );
    expect(dead).toEqual([]);
  });

  it('name a test that carries the number, wherever an attack is claimed to be proven', () => {
    const model = readFileSync(join(root, 'docs/threat-model.md'), 'utf8');
    const missing: string[] = [];
    for (const [, numbers, file] of model.matchAll(/\[[A-Z] ([\d, ]+)\]\(\.\.\/(test\/attacks\/[^)]+)\)/g)) {
      const text = readFileSync(join(root, file as string), 'utf8');
      for (const number of (numbers as string).split(',').map((part) => part.trim())) {
        if (!new RegExp(`['"\`](?:attack )?${number}: `).test(text))
          missing.push(`${String(file)}: ${number}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('list every sealed format in the changelog: whoever scans for leaked tokens goes by it', () => {
    const source = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
      .map((path) => readFileSync(join(root, 'src', path), 'utf8'))
      .join('\n');
    const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
    const [, list = ''] = /sealed formats version 1\s+\(([^)]+)\)/.exec(changelog) ?? [];
    const sealed = [...source.matchAll(/\bprefix: '([^']+)'/g)].map(([, prefix]) => prefix);
    expect(sealed.length).toBeGreaterThan(5);
    const listed = [...list.matchAll(/`([^`]+)`/g)].map(([, prefix]) => prefix);
    expect(new Set(listed)).toEqual(new Set(sealed));
  });
});
