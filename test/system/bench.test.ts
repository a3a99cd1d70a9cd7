import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

import { hasRedis } from '../support/redis.ts';

const execute = promisify(execFile);
const bench = join(import.meta.dirname, '..', '..', 'bench', 'run.ts');

describe.skipIf(!hasRedis)('npm run bench', () => {
  it('runs every part and prints JSON', { timeout: 180_000 }, async () => {
    const env = { ...process.env, BENCH_SHORT: '1' };
    const { stdout } = await execute(process.execPath, [bench], { env, maxBuffer: 10_000_000 });
    const figures = JSON.parse(stdout) as Record<string, unknown>;
    expect(Object.keys(figures)).toEqual([
      'date',
      'machine',
      'start',
      'login',
      'token',
      'token-redis',
      'registrations',
      'grants',
      'revocations',
      'verified-tokens',
      'foreign-tokens',
      'mounts',
      'policy',
      'client-documents',
      'key-proofs',
    ]);
  });

  it('refuses a name that is none', async () => {
    await expect(execute(process.execPath, [bench, 'nothing'])).rejects.toThrow('there is no bench nothing');
  });
});
