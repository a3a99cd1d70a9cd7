import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { compiledFolder } from './served-process.ts';

/** What is measured is what is published, compiled; in a folder of its own, so that a build beside it harms nothing. */
export function build(): void {
  const argv = ['tsc', '-p', 'tsconfig.build.json', '--outDir', compiledFolder];
  const cwd = join(import.meta.dirname, '..');
  const { status } = spawnSync('npx', argv, { cwd, stdio: ['ignore', 'inherit', 'ignore'] });
  if (status !== 0) throw new Error('the build failed');
}
