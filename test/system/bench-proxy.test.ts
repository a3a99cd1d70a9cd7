import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

import { fieldNames } from '../../bench/proxy/figures.ts';
import { hasGo, hasProgram } from '../../bench/proxy/programs.ts';
import { formatTable, type Report } from '../../bench/proxy/table.ts';

const execute = promisify(execFile);

const hasAll = hasGo() && hasProgram('haproxy') && hasProgram('nginx');
if (!hasAll) {
  console.warn(
    'left out: the benchmark of the proxied path; install "golang-go", "haproxy" and "nginx-light"',
  );
}

const root = join(import.meta.dirname, '..', '..');
const bench = join(root, 'bench', 'proxy', 'run.ts');

describe('docs/performance.md', () => {
  const document = readFileSync(join(root, 'docs', 'performance.md'), 'utf8');

  it('shows the kept result that it names', () => {
    const [, file = ''] = /\]\(\.\.\/(bench\/results\/proxy-[^)]+)\)/.exec(document) ?? [];
    const report = JSON.parse(readFileSync(join(root, file), 'utf8')) as Report;
    const lines = formatTable(report).split('\n').map(withoutPadding);
    const shown = new Set(document.split('\n').map(withoutPadding));
    expect(lines.length).toBeGreaterThan(fieldNames.length);
    expect(lines.filter((line) => !shown.has(line))).toEqual([]);
  });
});

describe.skipIf(!hasAll)('npm run bench:proxy', () => {
  it('runs every part, loses no call and prints JSON', { timeout: 180_000 }, async () => {
    const { stdout } = await execute(process.execPath, [bench, '--quick', '--json'], {
      maxBuffer: 10_000_000,
    });
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report).toMatchObject({
      failed: 0,
      date: expect.any(String),
      machine: { cpus: expect.any(Number) },
    });
    const measured = Object.keys(report['measured'] as object);
    expect(measured).toEqual(expect.arrayContaining(['calls', 'events', 'latency', 'first-byte', 'streams']));
    // Two workers are the last part, and left out while there are none.
    for (const name of fieldNames.slice(0, -1))
      expect([name, report[name]]).toEqual([name, expect.any(Number)]);
  });

  it('runs the parts that are asked for', { timeout: 60_000 }, async () => {
    const argv = [bench, '--quick', '--json', '--only', 'bad-tokens'];
    const { stdout } = await execute(process.execPath, argv, { maxBuffer: 10_000_000 });
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report).toMatchObject({ failed: 0, cpu_ratio_haproxy: null });
    expect(Object.keys(report['measured'] as object)).toEqual(['bad-tokens']);
  });

  it('refuses a part that is none', async () => {
    await expect(execute(process.execPath, [bench, '--only', 'nothing'])).rejects.toThrow(
      'there is no part nothing',
    );
  });
});

/** The formatter aligns the columns of tables. */
function withoutPadding(line: string): string {
  return line.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');
}
