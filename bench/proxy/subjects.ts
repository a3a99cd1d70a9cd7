/** What is compared. Each is a process of its own on the measured core, with the same upstream behind it. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

import { settings } from '../../src/gateway/config/schema.ts';
import { freePort } from '../../test/support/free-port.ts';
import { measuredCore } from '../cores.ts';
import { cpuMilliseconds, residentKibibytes } from '../process-cost.ts';
import { type RunOptions, startGatehouse } from '../served-process.ts';
import { type Passthrough, startHaproxy, startNginx } from './passthrough.ts';
import { writeTokens } from './tokens.ts';

export const subjectNames = ['haproxy', 'nginx', 'fast', 'standard'] as const;

/** The last two are the gatehouse, by the lane that it takes. */
export type SubjectName = (typeof subjectNames)[number];

export interface Subject {
  readonly name: SubjectName;
  readonly publicUrl: string;
  readonly port: number;
  readonly pid: number;
  /** A file of bearer tokens that it admits. */
  readonly tokens: string;
  cpuMilliseconds(): number;
  residentKibibytes(): number;
  stop(): Promise<void>;
}

export interface Surroundings {
  readonly upstreamPort: number;
  readonly upstreamPid: number;
  /** For what has to be in a file. */
  readonly folder: string;
}

/** Whether the product has the variable. One that it has not is not set. */
export function hasSetting(variable: string): boolean {
  return Object.hasOwn(settings, variable);
}

export async function startSubject(name: SubjectName, surroundings: Surroundings): Promise<Subject> {
  switch (name) {
    case 'haproxy':
      return passthrough(
        name,
        await startHaproxy(surroundings.folder, surroundings.upstreamPort),
        surroundings,
      );
    case 'nginx':
      return passthrough(
        name,
        await startNginx(surroundings.folder, surroundings.upstreamPort),
        surroundings,
      );
    case 'fast':
      return startMeasuredGatehouse(name, surroundings, lane('on'));
    case 'standard':
      return startMeasuredGatehouse(name, surroundings, lane('off'));
    default:
      return name satisfies never;
  }
}

/**
 * The gatehouse as it comes: access log, into a file, and metrics are on, and so are the limits for each person. Only
 * the budget of an address is not: all load comes from one, which may have 600 calls a minute.
 */
export async function startMeasuredGatehouse(
  name: 'fast' | 'standard',
  { upstreamPort, folder }: Surroundings,
  env: Readonly<Record<string, string>> = {},
  options: RunOptions = {},
): Promise<Subject> {
  const port = await freePort();
  const output = openSync(join(folder, `access-${port}.log`), 'w');
  const server = await startGatehouse(
    { UPSTREAM_MCP_URL: `http://127.0.0.1:${upstreamPort}/mcp`, SHUTDOWN_TIMEOUT: '2s', ...env },
    port,
    { cores: measuredCore, output, ...options },
  );
  closeSync(output);
  return subject(name, { port, pid: server.pid, stop: server.stop }, folder);
}

function lane(state: 'on' | 'off'): Record<string, string> {
  return hasSetting('FAST_LANE') ? { FAST_LANE: state } : {};
}

function passthrough(name: SubjectName, server: Passthrough, { folder }: Surroundings): Subject {
  return subject(name, server, folder);
}

function subject(name: SubjectName, { port, pid, stop }: Passthrough, folder: string): Subject {
  const publicUrl = `http://127.0.0.1:${port}`;
  const tokens = join(folder, `tokens-${port}`);
  writeTokens(tokens, publicUrl);
  return {
    name,
    publicUrl,
    port,
    pid,
    tokens,
    cpuMilliseconds: () => cpuMilliseconds(pid),
    residentKibibytes: () => residentKibibytes(pid),
    stop,
  };
}
