import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program with everything it starts, and what it said. */
export interface Child {
  readonly exitCode: Promise<number>;
  /** The last lines of both streams, without queries and long words: codes and tokens are among those. */
  said(): string;
  write(line: string): void;
  /** Ends it and whatever it started, at the latest after a few seconds. */
  end(): Promise<void>;
}

export interface ChildOptions {
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly onLine?: (line: string) => void;
}

const keptLines = 40;
const keptCharacters = 240;
const graceMs = 4_000;

export function startChild({ command, env, cwd, onLine }: ChildOptions): Child {
  const [program, ...words] = command;
  const child = spawn(program, words, {
    env: { ...inherited(), ...env },
    ...(cwd !== undefined && { cwd }),
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
  };
  child.on('error', (error) => keep(error.message));
  // It may be gone before it has read everything.
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stderr }).on('line', keep);
  createInterface({ input: child.stdout }).on('line', (line) => {
    keep(line);
    onLine?.(line);
  });
  const kill = (): void => signalGroup(child, 'SIGKILL');
  process.once('exit', kill);
  const exitCode = new Promise<number>((resolve) => {
    child.on('error', () => resolve(127));
    child.on('close', (code) => resolve(code ?? 1));
  });
  void exitCode.then(() => process.off('exit', kill));
  return {
    exitCode,
    said: () => lines.map(withoutSecrets).join('\n'),
    write: (line) => void child.stdin.write(`${line}\n`),
    async end() {
      child.stdin.end();
      const polite = setTimeout(() => signalGroup(child, 'SIGTERM'), graceMs / 2);
      const last = setTimeout(kill, graceMs);
      await exitCode;
      clearTimeout(polite);
      clearTimeout(last);
      kill();
    },
  };
}

/** By its process group, which it leads; an id that is gone is no error. */
function signalGroup(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // Nothing of it is left.
  }
}

/** What programs need to run and to reach a registry, and no more: they must not find settings of whoever runs this. */
function inherited(): Record<string, string> {
  const names =
    /^(?:PATH|HOME|LANG|TMPDIR|XDG_CACHE_HOME|SSL_CERT_(?:FILE|DIR)|(?:PIP|GO|NPM_CONFIG|PYENV)[A-Z_]*)$/i;
  const found = Object.entries(process.env).filter(([name]) => names.test(name));
  return Object.fromEntries(found.map(([name, value]) => [name, value ?? '']));
}

function withoutSecrets(line: string): string {
  const shown = line.replace(/\?[^\s"']+/g, '?…').replace(/[\w.~-]{60,}/g, '…');
  return shown.slice(0, keptCharacters);
}
