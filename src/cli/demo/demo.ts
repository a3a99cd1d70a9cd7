// `gatehouse demo`: everything it takes to see a sign-in happen, on loopback, in one process: a development identity
// provider, a sample MCP server and the gatehouse between them. `--self-test` walks the whole way without a person.
import { systemClock } from '../../platform/clock.ts';
import { systemRandom } from '../../platform/random.ts';
import { renderClientLines } from './client-lines.ts';
import { DemoError } from './demo-error.ts';
import { narrateEvent } from './narrate-event.ts';
import { startStack } from './stack.ts';
import type { Stack } from './stack.ts';
import { createTerminal } from './terminal.ts';
import type { Terminal, TextOutput } from './terminal.ts';

export interface DemoOptions {
  readonly selfTest: boolean;
  /** Of the gatehouse. Undefined: 8080, or any free one in a self-test. */
  readonly port?: number | undefined;
}

/** The part of the process that the demo touches. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** Resolves when somebody wants the demo to stop. */
  readonly stopped: () => Promise<void>;
}

const defaultPort = 8080;

/** Runs the demo until it is stopped, or the self-test until it is through. Resolves with the exit code. */
export async function runDemo(
  options: DemoOptions,
  surroundings: Surroundings = processSurroundings(),
): Promise<number> {
  const terminal = createTerminal(surroundings.stdout, surroundings.env);
  try {
    if (options.selfTest) return await runSelfTest(options, surroundings, terminal);
    await runUntilStopped(options, surroundings, terminal);
    return 0;
  } catch (error) {
    if (!(error instanceof DemoError)) throw error;
    surroundings.stderr.write(`error: ${error.message}\nhint: ${error.hint}\n`);
    return 1;
  }
}

async function runUntilStopped(
  options: DemoOptions,
  surroundings: Surroundings,
  terminal: Terminal,
): Promise<void> {
  // Asked first: a signal during the start stops the demo, too.
  const stopped = surroundings.stopped();
  const stack = await startStack(
    { port: options.port ?? defaultPort, preferFixedPorts: true, logLevel: 'error', env: surroundings.env },
    {
      clock: systemClock,
      random: systemRandom,
      onLog: (line) => surroundings.stderr.write(line),
      onEvent: (event) => {
        const line = narrateEvent(event);
        if (line !== undefined)
          terminal.line(terminal.quiet(`${new Date().toLocaleTimeString('en-GB')} ${line}`));
      },
    },
  );
  terminal.line(introduction(stack, terminal));
  await stopped;
  terminal.line('\nStopping …');
  await stack.close();
}

async function runSelfTest(
  options: DemoOptions,
  surroundings: Surroundings,
  terminal: Terminal,
): Promise<number> {
  const walkThrough = await loadSelfTest();
  const stack = await startStack(
    { port: options.port ?? 0, preferFixedPorts: false, logLevel: 'warn', env: surroundings.env },
    { clock: systemClock, random: systemRandom, onLog: (line) => surroundings.stderr.write(line) },
  );
  try {
    return (await walkThrough(stack, terminal)) ? 0 : 1;
  } finally {
    await stack.close();
  }
}

/** The official MCP client is no dependency of the package: only this file's module imports it. */
async function loadSelfTest() {
  try {
    return (await import('./self-test.ts')).runSelfTest;
  } catch (error) {
    if (!isMissingClient(error)) throw error;
    throw new DemoError(
      'the self-test needs the official MCP client',
      'npm install @modelcontextprotocol/client',
      { cause: error },
    );
  }
}

function isMissingClient(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false;
  return error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes('@modelcontextprotocol/client');
}

function introduction(stack: Stack, { strong, quiet }: Terminal): string {
  const servers = [
    [stack.mcpUrl, 'the MCP server, behind the gatehouse: give this to a client'],
    [stack.upstreamUrl, 'the same without the gatehouse: open to every program on this machine'],
    [stack.identityProviderUrl, 'identity provider of the demo: pick a person, no password'],
    [stack.readinessUrl, 'state of the gatehouse; /metrics is beside it'],
  ];
  return `${strong('mcp-gatehouse demo')}: for development only; everything is on this machine and forgotten at the end

${servers.map(([url = '', what = '']) => `  ${strong(url.padEnd(32))}${quiet(what)}`).join('\n')}

Connect a client:

${renderClientLines(stack.mcpUrl, strong)}
The client opens a browser: approve it, pick a person, and call the tool ${strong('whoami')}.
Stop with Ctrl-C.
`;
}

function processSurroundings(): Surroundings {
  return {
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    stopped: () =>
      new Promise((resolve) => {
        const stop = () => {
          resolve();
        };
        // `once`: a second Ctrl-C finds no listener and ends the process.
        process.once('SIGINT', stop).once('SIGTERM', stop);
        // Nobody reads any more: the other end of a pipe is gone.
        process.stdout.on('error', stop);
      }),
  };
}
