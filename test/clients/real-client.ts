import type { Person } from './person.ts';

/** What every client here can do, whatever it is written in. */
export interface RealClient {
  /** Calls a tool without arguments and returns its text. */
  callTool(name: string): Promise<string>;
  /** What the program said last, for whoever has to find out why it failed. */
  said(): string;
  close(): Promise<void>;
}

export interface RealClientOptions {
  readonly mcpUrl: string;
  readonly era: 'legacy' | 'modern';
  /** Of its metadata document. Undefined: it registers itself. */
  readonly document: string | undefined;
  readonly person: Person;
  /** For what it keeps; it is its home. */
  readonly folder: string;
}

export const callLimitMs = 60_000;

/**
 * Rejects with what was waited for, and for how long.
 * @param isOver what else ends the waiting, as an error
 */
export async function within<T>(
  limitMs: number,
  what: string,
  work: Promise<T>,
  isOver?: Promise<never>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([work, limit, ...(isOver === undefined ? [] : [isOver])]);
  } finally {
    clearTimeout(timer);
  }
}

/** A visit of the person that failed ends the call that waits for it. */
export function createFailure(): { readonly over: Promise<never>; fail(error: unknown): void } {
  let reject: (error: unknown) => void = () => undefined;
  const over = new Promise<never>((_resolve, rejectIt) => {
    reject = rejectIt;
  });
  over.catch(() => undefined);
  return { over, fail: (error) => reject(error) };
}
