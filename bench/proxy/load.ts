/** The load generator, which is a program of its own: its upstream, its calls and its streams. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { loadCore, onCores } from '../cores.ts';
import { makeUrgent } from '../priority.ts';
import { loadProgram } from './programs.ts';

export interface CallPlan {
  readonly port: number;
  /** A file of bearer tokens, one a line; a row of `#` becomes a number, another for each call. */
  readonly tokens: string;
  readonly seconds: number;
  readonly connections: number;
  readonly path?: '/mcp' | '/mcp/sse';
  /** Calls a second, whatever becomes of them. Without: each connection as fast as it gets answers. */
  readonly rate?: number;
  readonly count?: number;
  /** What an answer has to have that did not fail. Default 200. */
  readonly status?: number;
  /** Goes before others on the machine. */
  readonly urgent?: boolean;
}

/** Times are in microseconds. */
export interface CallResult {
  readonly calls: number;
  readonly failed: number;
  readonly seconds: number;
  /** From the moment a call was due to its last byte. */
  readonly p50: number;
  readonly p99: number;
  /** The p99 of an ordinary quarter of a second: the median of all of them. What happens once, it does not show. */
  readonly ordinaryP99: number;
  /** From the upstream's first event to the client's; 0 when there were none. */
  readonly firstByteP50: number;
  readonly firstByteP99: number;
}

export interface RunningUpstream {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startUpstream(): Promise<RunningUpstream> {
  const load = start(['upstream']);
  return { port: numberIn(await load.line(), 'port'), pid: load.pid, stop: load.stop };
}

export async function runCalls(plan: CallPlan): Promise<CallResult> {
  const flags = Object.entries({
    port: plan.port,
    tokens: plan.tokens,
    for: `${plan.seconds}s`,
    connections: plan.connections,
    path: plan.path ?? '/mcp',
    rate: plan.rate ?? 0,
    count: plan.count ?? 0,
    status: plan.status ?? 200,
  }).map(([name, value]) => `-${name}=${value}`);
  const load = start(['calls', ...flags]);
  if (plan.urgent === true) makeUrgent(load.pid);
  try {
    const line = await load.line();
    return {
      calls: numberIn(line, 'calls'),
      failed: numberIn(line, 'failed'),
      seconds: numberIn(line, 'seconds'),
      p50: numberIn(line, 'p50'),
      p99: numberIn(line, 'p99'),
      ordinaryP99: numberIn(line, 'ordinaryP99'),
      firstByteP50: numberIn(line, 'firstByteP50'),
      firstByteP99: numberIn(line, 'firstByteP99'),
    };
  } finally {
    await load.stop();
  }
}

export interface OpenStreams {
  readonly open: number;
  readonly failed: number;
  close(): Promise<void>;
}

/** Opens idle event streams and leaves them open until they are closed. */
export async function openStreams(port: number, tokens: string, count: number): Promise<OpenStreams> {
  const load = start(['streams', `-port=${port}`, `-tokens=${tokens}`, `-count=${count}`]);
  const line = await load.line();
  return { open: numberIn(line, 'open'), failed: numberIn(line, 'failed'), close: load.stop };
}

interface Load {
  readonly pid: number;
  line(): Promise<unknown>;
  stop(): Promise<void>;
}

/** It ends by itself when its input ends: nothing is left when this process is killed. */
function start(words: readonly string[]): Load {
  const [program, ...argv] = onCores(loadCore, [loadProgram, ...words]);
  const env = { ...process.env, GOMAXPROCS: '1' };
  const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} cannot be started`);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    pid,
    async line() {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the load generator ended without a result: ${words.join(' ')}`);
      return JSON.parse(value) as unknown;
    },
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.stdin?.end();
  await gone;
}

function numberIn(value: unknown, name: string): number {
  if (typeof value === 'object' && value !== null) {
    const found: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
    if (typeof found === 'number') return found;
  }
  throw new Error(`the load generator did not tell ${name}`);
}
