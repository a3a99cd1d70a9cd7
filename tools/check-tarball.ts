/**
 * Tests the package as strangers get it: packed, installed in an empty folder, imported and started. What works in
 * the repository may still miss a file, a dependency or an executable bit once it is a tarball.
 *
 * `npm run check:tarball`. Needs the package registry, nothing else.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const maxUnpackedBytes = 3_000_000;
/** Of one command: npm waits for minutes for a registry that does not answer. */
const limitMs = 240_000;
const shipped = /^(dist\/.+\.(js|d\.ts)|docs\/gatehouse\.schema\.json|LICENSE|README\.md|package\.json)$/;
const required = [
  'dist/index.js',
  'dist/index.d.ts',
  'dist/cli/main.js',
  'docs/gatehouse.schema.json',
  'LICENSE',
  'package.json',
];

interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

type Check = readonly [name: string, run: () => void];

function checks(folder: string): readonly Check[] {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const consumer = join(folder, 'consumer');
  let packed: Packed | undefined;
  const tarball = (): Packed => packed ?? fail('there is no tarball');
  return [
    ['is built and packed', () => (packed = pack(folder))],
    ['holds what runs and nothing else', () => checkContents(tarball())],
    ['installs in an empty folder', () => install(consumer, join(folder, tarball().filename))],
    ['exports what it says', () => importEverything(consumer, Object.keys(manifest.exports))],
    ['has types that compile', () => compileAgainst(consumer)],
    ['tells its version', () => checkVersion(consumer, manifest.version)],
    ['names what is missing in a configuration', () => checkBadConfig(consumer)],
    ['proves its demo to itself', () => selfTest(consumer, manifest.peerDependencies)],
  ];
}

function pack(folder: string): Packed {
  command(root, 'npm', 'run', 'build');
  const [packed] = JSON.parse(
    command(root, 'npm', 'pack', '--json', `--pack-destination=${folder}`),
  ) as Packed[];
  return packed ?? fail('npm pack told nothing');
}

function checkContents({ files, unpackedSize }: Packed): void {
  const paths = files.map(({ path }) => path);
  const strays = paths.filter((path) => !shipped.test(path) || path.includes('.test.'));
  if (strays.length > 0) fail(`does not belong in the tarball: ${strays.join(', ')}`);
  const missing = required.filter((path) => !paths.includes(path));
  if (missing.length > 0) fail(`missing in the tarball: ${missing.join(', ')}`);
  if (unpackedSize > maxUnpackedBytes) fail(`${unpackedSize} bytes unpacked, ${maxUnpackedBytes} allowed`);
}

function install(consumer: string, tarball: string): void {
  mkdirSync(consumer);
  writeFileSync(
    join(consumer, 'package.json'),
    '{ "name": "consumer", "private": true, "type": "module" }\n',
  );
  npmInstall(consumer, tarball);
}

function npmInstall(consumer: string, ...packages: string[]): void {
  command(consumer, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages);
}

function importEverything(consumer: string, subpaths: readonly string[]): void {
  if (subpaths.length === 0) fail('package.json names no exports');
  for (const subpath of subpaths) {
    const specifier = `mcp-gatehouse${subpath.slice(1)}`;
    const options = subpath.endsWith('.json') ? `, { with: { type: 'json' } }` : '';
    const script = `const all = await import('${specifier}'${options}); if (Object.keys(all).length === 0) process.exit(1);`;
    command(consumer, process.execPath, '--input-type=module', '--eval', script);
  }
}

function compileAgainst(consumer: string): void {
  const program = `import * as gatehouse from 'mcp-gatehouse';\nexport const names: string[] = Object.keys(gatehouse);\n`;
  writeFileSync(join(consumer, 'program.ts'), program);
  for (const types of ['@types/node', 'undici-types'])
    cpSync(join(root, 'node_modules', types), join(consumer, 'node_modules', types), { recursive: true });
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--types', 'node', '--target', 'es2024'];
  command(consumer, process.execPath, join(root, 'node_modules/typescript/bin/tsc'), ...flags, 'program.ts');
}

function checkVersion(consumer: string, version: string): void {
  const told = gatehouse(consumer, {}, '--version');
  if (told.status !== 0 || told.stdout.trim() !== version) fail(`says ${told.stdout.trim()}, is ${version}`);
}

function checkBadConfig(consumer: string): void {
  const told = gatehouse(consumer, { PROXY_BASE_URL: 'not an address' }, 'check-config');
  if (told.status !== 1) fail(`check-config exits with ${told.status} on a bad configuration`);
  const output = told.stdout + told.stderr;
  for (const name of ['PROXY_BASE_URL', 'UPSTREAM_MCP_URL', 'TOKEN_SIGNING_SECRET'])
    if (!output.includes(name)) fail(`check-config does not mention ${name}`);
}

function selfTest(consumer: string, peers: Readonly<Record<string, string>>): void {
  npmInstall(consumer, ...Object.entries(peers).map(([name, range]) => `${name}@${range}`));
  const told = gatehouse(consumer, {}, 'demo', '--self-test');
  if (told.status !== 0) fail(`the self-test exits with ${told.status}\n${told.stdout}${told.stderr}`);
}

/** Runs the installed binary with nothing in its environment but what it is given. */
function gatehouse(consumer: string, env: Record<string, string>, ...words: string[]): Ran {
  const binary = join(consumer, 'node_modules/.bin/gatehouse');
  const path = process.env['PATH'] ?? '';
  return spawnSync(binary, words, {
    cwd: consumer,
    env: { PATH: path, ...env },
    encoding: 'utf8',
    timeout: 120_000,
  });
}

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command and returns what it said; what npm tells scripts about this repository stays here. */
function command(cwd: string, file: string, ...words: string[]): string {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package|lifecycle|command|config_local_prefix)/.test(name),
    ),
  );
  try {
    return execFileSync(file, words, {
      cwd,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limitMs,
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as Partial<Ran>;
    return fail(`${[file, ...words].join(' ')}\n${stdout}${stderr}`);
  }
}

function fail(message: string): never {
  throw new Error(message);
}

/** Each check builds on the ones before, so the first failure ends the run; those after it have failed with it. */
function runAll(all: readonly Check[]): { passed: number; failed: number } {
  for (const [index, [name, run]] of all.entries()) {
    try {
      run();
      console.log(`ok     ${name}`);
    } catch (error) {
      console.log(`FAILED ${name}: ${error instanceof Error ? error.message : String(error)}`);
      return { passed: index, failed: all.length - index };
    }
  }
  return { passed: all.length, failed: 0 };
}

const { values } = parseArgs({ options: { counts: { type: 'string' } } });
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-tarball-'));
const result = runAll(checks(folder));
rmSync(folder, { recursive: true, force: true });
if (values.counts !== undefined) writeFileSync(values.counts, JSON.stringify(result));
process.exitCode = result.failed === 0 ? 0 : 1;
