import { execFile } from 'node:child_process';

/**
 * A text script is a transcript of the command line:
 *
 *     # a comment
 *     PROD_MODE=false          a variable for the commands that follow; `NAME=` unsets it
 *     $ gatehouse check-config
 *     out| a line of standard output
 *     err| a line of standard error
 *     exit| 1
 *
 * The output must match line by line; `…` stands for any text within a line, `out| …` alone for any number of lines.
 * Without `exit|` the command must end with 0.
 */
export interface Step {
  readonly env: Readonly<Record<string, string>>;
  readonly arguments: readonly string[];
  readonly expected: Transcript;
}

export interface Transcript {
  readonly out: readonly string[];
  readonly err: readonly string[];
  readonly exit: number;
}

/** @throws Error on a line that is none of the above, or a script without a command */
export function parseScript(text: string): readonly Step[] {
  const env: Record<string, string> = {};
  const steps: {
    env: Step['env'];
    arguments: string[];
    expected: { out: string[]; err: string[]; exit: number };
  }[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const variable = /^([A-Z_]+)=(.*)$/.exec(line);
    const command = /^\$ gatehouse ?(.*)$/.exec(line);
    const expectation = /^(out|err|exit)\|(?: (.*))?$/.exec(line);
    const step = steps.at(-1);
    if (variable !== null) env[variable[1] ?? ''] = variable[2] ?? '';
    else if (command !== null) {
      const words = (command[1] ?? '').split(' ').filter((word) => word !== '');
      steps.push({ env: { ...env }, arguments: words, expected: { out: [], err: [], exit: 0 } });
    } else if (expectation !== null && step !== undefined) {
      const [, kind, content = ''] = expectation;
      if (kind === 'exit') step.expected.exit = Number(content);
      else step.expected[kind === 'out' ? 'out' : 'err'].push(content);
    } else throw new Error(`not a line of a script: ${line}`);
  }
  if (steps.length === 0) throw new Error('a script without a command');
  return steps;
}

/** Runs the command line from the sources, with the variables of the step and nothing else. */
export function runStep(step: Step, folder: string): Promise<Transcript> {
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
  const options = { cwd: folder, env: { ...step.env }, timeout: 25_000 };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...step.arguments], options, (_error, stdout, stderr) => {
      resolve({ out: splitLines(stdout), err: splitLines(stderr), exit: child.exitCode ?? -1 });
    });
  });
}

/** Whether the lines are those that are expected. */
export function fits(expected: readonly string[], actual: readonly string[]): boolean {
  const pattern = expected.map((line) =>
    line === '…'
      ? String.raw`(?:[^\n]*\n)*?`
      : `${line
          .split('…')
          .map(escapePattern)
          .join(String.raw`[^\n]*`)}\\n`,
  );
  return new RegExp(`^${pattern.join('')}$`).test(actual.map((line) => `${line}\n`).join(''));
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

function splitLines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
