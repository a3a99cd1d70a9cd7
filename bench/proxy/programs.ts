/** The programs beside ours: Debian's packages, and the load generator, which is compiled here. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { compiledFolder } from '../served-process.ts';
import type { SubjectName } from './subjects.ts';

export const haproxyProgram = '/usr/sbin/haproxy';
export const nginxProgram = '/usr/sbin/nginx';

/** Where Debian's package and Go's own archive put the compiler. */
const goPrograms = ['/usr/bin/go', '/usr/local/go/bin/go'];

export const loadProgram = join(compiledFolder, 'bench-load');

interface Needed {
  readonly debianPackage: string;
  readonly isThere: () => boolean;
  readonly without: string;
}

const needed: readonly Needed[] = [
  {
    debianPackage: 'haproxy',
    isThere: () => existsSync(haproxyProgram),
    without: 'HAProxy and every ratio to it',
  },
  { debianPackage: 'nginx-light', isThere: () => existsSync(nginxProgram), without: 'nginx' },
  { debianPackage: 'golang-go', isThere: () => findGo() !== undefined, without: 'everything' },
];

/** Whether the load generator can be built. Without it nothing can be measured. */
export function hasGo(): boolean {
  return findGo() !== undefined;
}

export function hasProgram(name: SubjectName): boolean {
  if (name === 'haproxy') return existsSync(haproxyProgram);
  return name !== 'nginx' || existsSync(nginxProgram);
}

/** Installs what is missing, as far as that is possible. Returns what cannot be measured, one sentence each. */
export function installPrograms(): readonly string[] {
  const missing = needed.filter(({ isThere }) => !isThere());
  if (missing.length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const packages = missing.map(({ debianPackage }) => debianPackage);
    process.stderr.write(`bench: installing ${packages.join(', ')}\n`);
    run('apt-get', ['update', '-qq']);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  }
  return missing
    .filter(({ isThere }) => !isThere())
    .map(({ debianPackage, without }) => `${without}: install the package "${debianPackage}"`);
}

/** @throws Error when the compiler is missing or does not accept it */
export function buildLoadProgram(): void {
  const go = findGo();
  if (go === undefined) throw new Error('go is missing: install the package "golang-go"');
  const { status } = spawnSync(go, ['build', '-o', loadProgram, '.'], {
    cwd: join(import.meta.dirname, 'load'),
    stdio: ['ignore', 'inherit', 'inherit'],
    // It has no dependencies, and fetches nothing.
    env: { ...process.env, GOPROXY: 'off', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' },
  });
  if (status !== 0) throw new Error('the load generator cannot be built');
}

/** What is compared, in its own words. */
export function readVersions(): Record<string, string | undefined> {
  return {
    haproxy: firstVersion(haproxyProgram, ['-v']),
    nginx: firstVersion(nginxProgram, ['-v']),
    go: firstVersion(findGo() ?? 'go', ['version']),
  };
}

function firstVersion(program: string, argv: readonly string[]): string | undefined {
  const { stdout, stderr } = spawnSync(program, argv, { encoding: 'utf8' });
  return /\d+\.\d+(?:\.\d+)?/.exec(`${stdout ?? ''}${stderr ?? ''}`)?.[0];
}

function findGo(): string | undefined {
  return goPrograms.find((program) => existsSync(program));
}

function run(program: string, argv: readonly string[]): void {
  spawnSync(program, argv, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}
