import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { writeOperatorStore } from '../support/operator-store.ts';
import { fits, parseScript, runStep } from './run-script.ts';

const scripts = readdirSync(new URL('scripts/', import.meta.url)).filter((name) => name.endsWith('.txt'));
if (scripts.length === 0) throw new Error('no scripts found');

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-cli-'));
writeFileSync(join(folder, 'secret.txt'), 'secret-from-a-file-Ab1Cd2Ef3Gh4Ij5Kl6\n');
for (const name of readdirSync(new URL('files/', import.meta.url))) {
  copyFileSync(new URL(`files/${name}`, import.meta.url), join(folder, name));
}
writeFileSync(join(folder, 'no-store.txt'), 'this is no SQLite database\n');
await writeOperatorStore(join(folder, 'operator.sqlite'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(scripts)('%s', (name) => {
  const steps = parseScript(readFileSync(new URL(`scripts/${name}`, import.meta.url), 'utf8'));

  it.each(steps.map((step, index) => [index + 1, step.arguments.join(' '), step] as const))(
    'step %i: gatehouse %s',
    async (_number, _command, step) => {
      const actual = await runStep(step, folder);
      expect(actual.exit, actual.err.join('\n')).toBe(step.expected.exit);
      if (!fits(step.expected.out, actual.out)) expect(actual.out).toEqual(step.expected.out);
      if (!fits(step.expected.err, actual.err)) expect(actual.err).toEqual(step.expected.err);
    },
  );
});

describe('gatehouse --version', () => {
  it('prints the version of the package', async () => {
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    const step = { env: {}, arguments: ['--version'], expected: { out: [], err: [], exit: 0 } };
    expect(await runStep(step, folder)).toEqual({ out: [version], err: [], exit: 0 });
  });
});

describe('fits', () => {
  it('compares line by line, with room where the script leaves it', () => {
    expect(fits(['a', 'b'], ['a', 'b'])).toBe(true);
    expect(fits(['a…c'], ['abbc'])).toBe(true);
    expect(fits(['a', '…', 'z'], ['a', 'b', 'c', 'z'])).toBe(true);
    expect(fits(['a'], ['a', 'b'])).toBe(false);
    expect(fits(['a.'], ['ab'])).toBe(false);
    expect(fits([], ['a'])).toBe(false);
  });
});
