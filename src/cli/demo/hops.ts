import type { Terminal } from './terminal.ts';

/** The whole way of a first call, in order. */
export const expectedHops = [
  'challenge',
  'resource metadata',
  'authorization server metadata',
  'register',
  'authorize',
  'consent',
  'approve',
  'identity provider',
  'log in',
  'callback',
  'token',
  'server/discover',
  'tools/list',
  'tools/call',
] as const;

export type HopName = (typeof expectedHops)[number];

/** A hop that did not hold; the message says what was wrong with it. */
export class HopFailure extends Error {
  readonly hop: HopName;

  constructor(hop: HopName, message: string) {
    super(message);
    this.name = 'HopFailure';
    this.hop = hop;
  }
}

export interface Hops {
  /**
   * Runs a hop, checks what came of it, and prints one line.
   * @throws HopFailure when `findFault` names one, or when the hop itself throws
   */
  run<Result>(
    hop: HopName,
    step: () => Promise<Result> | Result,
    findFault: (result: Result) => string | undefined | Promise<string | undefined>,
  ): Promise<Result>;
  /** Expected hops that did not happen. */
  missing(): readonly HopName[];
}

export function createHops(terminal: Terminal, nowMilliseconds: () => number): Hops {
  const held = new Set<HopName>();
  const print = (mark: string, hop: HopName, startedAt: number) => {
    const duration = `${(nowMilliseconds() - startedAt).toFixed(0)} ms`;
    terminal.line(`  ${mark}  ${hop.padEnd(32)}${duration.padStart(8)}`);
  };
  return {
    async run(hop, step, findFault) {
      const startedAt = nowMilliseconds();
      try {
        const result = await step();
        const fault = await findFault(result);
        if (fault !== undefined) throw new HopFailure(hop, fault);
        held.add(hop);
        print(terminal.good('ok'), hop, startedAt);
        return result;
      } catch (error) {
        print(terminal.bad('no'), hop, startedAt);
        throw error instanceof HopFailure ? error : new HopFailure(hop, describe(error));
      }
    },
    missing: () => expectedHops.filter((hop) => !held.has(hop)),
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : 'it threw something that is no error';
}
