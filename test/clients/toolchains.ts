/**
 * Installs the clients that are not of this package, each from its registry, in exactly the versions that the files
 * beside its program name. They lie in a cache of their own: the Inspector alone brings more than all we depend on.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

/** What is missing on this machine, and is not ours to install. */
export class ToolMissing extends Error {
  override readonly name = 'ToolMissing';
}

export interface InstalledClients {
  /** The folder that a package was installed to. */
  packageFolder(name: string): string;
}

const programs = join(import.meta.dirname, 'programs');
const limitMs = 240_000;
const run = promisify(execFile);

export async function installNpmClients(): Promise<InstalledClients> {
  const folder = join(programs, 'npm');
  const installed = await installOnce('npm', folder, process.versions.modules, async (target) => {
    const words = ['ci', '--prefix', target, '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress'];
    await run('npm', words, { timeout: limitMs });
  });
  return { packageFolder: (name) => join(installed, 'node_modules', name) };
}

/** @returns the command and its environment */
export async function installPythonClient(): Promise<{
  command: [string, string];
  env: Record<string, string>;
}> {
  const python = 'python3';
  const version = await say(python, ['-c', 'import platform; print(platform.python_version())']);
  if (version === undefined || isBelow(version, [3, 10])) throw new ToolMissing('Python 3.10 or later');
  if ((await say(python, ['-m', 'pip', '--version'])) === undefined)
    throw new ToolMissing('pip for Python 3');
  const folder = join(programs, 'python');
  const installed = await installOnce('python', folder, version, async (target) => {
    const words = ['-m', 'pip', 'install', '--quiet', '--no-input', '--target', join(target, 'lib')];
    await run(python, [...words, '--requirement', join(target, 'requirements.txt')], { timeout: limitMs });
  });
  return { command: [python, join(folder, 'client.py')], env: { PYTHONPATH: join(installed, 'lib') } };
}

export async function installGoClient(): Promise<{ command: [string] }> {
  const go = ['/usr/local/go/bin/go', '/usr/bin/go'].find((path) => existsSync(path)) ?? 'go';
  const version = /go(\d+\.\d+)/.exec((await say(go, ['version'])) ?? '')?.[1];
  // From 1.21 on, Go fetches the newer one that a go.mod asks for.
  if (version === undefined || isBelow(version, [1, 21])) throw new ToolMissing('Go 1.21 or later');
  const installed = await installOnce('go', join(programs, 'go'), version, async (target) => {
    await run(go, ['build', '-o', 'client', '.'], { cwd: target, timeout: limitMs });
  });
  return { command: [join(installed, 'client')] };
}

/** Once for the same files and the same interpreter; a half one is never found, since it gets its name at the end. */
async function installOnce(
  name: string,
  source: string,
  platform: string,
  install: (target: string) => Promise<void>,
): Promise<string> {
  const files = readdirSync(source).filter((file) => file !== 'node_modules' && file !== '__pycache__');
  const hash = createHash('sha256').update(`${platform} ${process.platform} ${process.arch}`);
  for (const file of files.sort()) hash.update(`\n${file}\n`).update(readFileSync(join(source, file)));
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const target = join(cache, 'mcp-gatehouse', 'clients', `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(target)) return target;
  const unfinished = `${target}.${process.pid}`;
  // Of a run that was killed: in containers the ids of processes come again, and pip replaces nothing that is there.
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  try {
    for (const file of files) cpSync(join(source, file), join(unfinished, basename(file)));
    await install(unfinished);
    renameSync(unfinished, target);
  } catch (error) {
    // Another run was first.
    if (existsSync(target)) return target;
    throw new Error(`the ${name} client cannot be installed: ${describe(error)}`, { cause: error });
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return target;
}

async function say(command: string, words: readonly string[]): Promise<string | undefined> {
  try {
    return (await run(command, words, { timeout: 20_000 })).stdout.trim();
  } catch {
    return undefined;
  }
}

function isBelow(version: string, [major, minor]: readonly [number, number]): boolean {
  const [first = 0, second = 0] = version.split('.').map(Number);
  return first < major || (first === major && second < minor);
}

function describe(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return said === '' ? String(error) : said.split('\n').slice(-12).join('\n');
}
