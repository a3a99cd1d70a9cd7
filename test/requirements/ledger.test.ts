import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { ledger } from './ledger.ts';
import { proofsOf, type Proof, type Requirement } from './requirement.ts';
import { hasTitle } from './test-titles.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const rows = ledger.flatMap((section) => section.rows);
const sources = new Map<string, string>();

/** A test file with what it imports of its own folder and of others under test/: suites that several files run. */
function readSource(file: string): string {
  const known = sources.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(join(root, file), 'utf8');
  const imported = [...text.matchAll(/from '(\.[^']+\.ts)'/g)]
    .map(([, path = '']) => join(dirname(join(root, file)), path))
    .filter((path) => relative(root, path).startsWith('test/'))
    .map((path) => readFileSync(path, 'utf8'));
  const source = [text, ...imported].join('\n');
  sources.set(file, source);
  return source;
}

function isTest(proof: ReturnType<typeof proofsOf>[number]): proof is Proof {
  return 'file' in proof;
}

function isProven(row: Requirement): boolean {
  return !('open' in row) && !('notApplicable' in row);
}

describe('the ledger of requirements', () => {
  it('has the 188 rows of the checklist, in order and each once', () => {
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 188 }, (_, index) => index + 1));
    expect(ledger.map(({ letter }) => letter).join('')).toBe('ABCDEFGHIJKLMNO');
  });

  it('has a test for every row, or a reason why there is none', () => {
    const bare = rows.filter((row) => isProven(row) && proofsOf(row).length === 0).map(({ id }) => id);
    expect(bare).toEqual([]);
  });

  it('has for every MUST what works and what is refused', () => {
    const halves = rows
      .filter((row) => row.level === 'must' && isProven(row))
      .filter((row) => !('refusedBy' in row) || !('provedBy' in row) || row.provedBy?.length === 0)
      .map(({ id }) => id);
    expect(halves).toEqual([]);
  });

  it('names only tests that are there', () => {
    const missing = rows.flatMap((row) =>
      proofsOf(row)
        .filter(isTest)
        .filter(({ file, test }) => !existsSync(join(root, file)) || !hasTitle(readSource(file), test))
        .map(({ file, test }) => `${row.id}: ${file}: ${test}`),
    );
    expect(missing, 'rename them in test/requirements/rows-*.ts as well').toEqual([]);
  });

  it('names only steps that npm run ci has', () => {
    const ci = readFileSync(join(root, 'tools/ci.ts'), 'utf8');
    const steps = rows.flatMap(proofsOf).flatMap((proof) => ('step' in proof ? [proof.step] : []));
    for (const step of steps) expect(ci).toContain(`name: '${step}'`);
  });

  it('names every test of this folder under the id that its title begins with', () => {
    const named = new Set(
      rows.flatMap((row) =>
        proofsOf(row)
          .filter(isTest)
          .map(({ file, test }) => `${row.id} ${file} ${test}`),
      ),
    );
    const orphans = readdirSync(import.meta.dirname)
      .filter(
        (name) => name.endsWith('.test.ts') && !['ledger.test.ts', 'test-titles.test.ts'].includes(name),
      )
      .flatMap((name) => listOrphans(`test/requirements/${name}`, named));
    expect(orphans).toEqual([]);
  });
});

/** Titles as `116, 122: every code grant …`; a table puts the id in as `%i`, and any row may name that one. */
function listOrphans(file: string, named: ReadonlySet<string>): string[] {
  const titles = [
    ...readFileSync(join(root, file), 'utf8').matchAll(/\(\s*(['"`])((?:[\d, ]+|%i): .*?)\1,/g),
  ];
  expect([file, titles.length > 0]).toEqual([file, true]);
  return titles.flatMap(([, , title = '']) => {
    const [ids = ''] = title.split(': ');
    const candidates = ids === '%i' ? rows.map(({ id }) => String(id)) : ids.split(', ');
    const matches = candidates.filter((id) => named.has(`${id} ${file} ${title}`));
    const enough = ids === '%i' ? matches.length > 0 : matches.length === candidates.length;
    return enough ? [] : [`${file}: ${title}`];
  });
}
