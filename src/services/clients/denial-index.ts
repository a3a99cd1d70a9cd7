import type { EpochSeconds } from '../../platform/clock.ts';
import { type Infer, integer, name, oneOf, shape } from '../../platform/sealing/shape.ts';
import type { ClientFingerprint } from './client.ts';

export type DenialCause = 'deleted' | 'operator';

/** The last word about a client. */
export interface Verdict {
  readonly client: string;
  readonly isDenied: boolean;
  /** Of a denial why; of a permission nothing. */
  readonly cause: DenialCause;
  /** When it was said; of two words about a client the later one counts, in whichever order they come. */
  readonly saidAtMs: number;
  readonly end: EpochSeconds;
}

/** What was said about clients, and still counts. */
export interface DenialIndex {
  add(verdict: Verdict): void;
  isDenied(client: ClientFingerprint, now: EpochSeconds): boolean;
  find(client: string): Verdict | undefined;
  /** What still counts. Entries that come meanwhile may or may not be among it. */
  live(now: EpochSeconds): Iterable<Verdict>;
  /** Whether it says this, or something later. */
  includes(verdict: Verdict): boolean;
  /** Drops what is over. */
  forget(now: EpochSeconds): void;
}

export function createDenialIndex(): DenialIndex {
  const verdicts = new Map<string, Verdict>();

  return {
    add(verdict) {
      const { client } = verdict;
      const known = verdicts.get(client);
      if (known !== undefined && known.saidAtMs > verdict.saidAtMs) return;
      verdicts.set(client, known === undefined ? verdict : strongerOf(known, verdict));
    },
    isDenied(client, now) {
      const known = verdicts.get(client);
      return known !== undefined && known.isDenied && known.end > now;
    },
    find: (client) => verdicts.get(client),
    *live(now) {
      for (const verdict of verdicts.values()) if (verdict.end > now) yield verdict;
    },
    includes(verdict) {
      const known = verdicts.get(verdict.client);
      if (known === undefined || known.saidAtMs < verdict.saidAtMs) return false;
      if (known.saidAtMs > verdict.saidAtMs) return true;
      return known.isDenied === verdict.isDenied && known.end >= verdict.end;
    },
    forget(now) {
      for (const [client, { end }] of verdicts) if (end <= now) verdicts.delete(client);
    },
  };
}

/** The later one; but of two denials the operator's: what the operator says outlasts what the client says. */
function strongerOf(known: Verdict, later: Verdict): Verdict {
  const isKept = known.isDenied && later.isDenied && known.cause === 'operator' && later.cause === 'deleted';
  return isKept ? { ...known, saidAtMs: later.saidAtMs } : later;
}

/** The client, and whether it is denied from here on; the rest is missing in entries of the first release. */
const entryShape = shape(
  { c: name, d: integer },
  { cause: oneOf('deleted', 'operator'), at: integer, end: integer },
);

export function formatVerdict({ client, isDenied, cause, saidAtMs, end }: Verdict): string {
  const why = isDenied ? { cause } : {};
  const entry = { c: client, d: isDenied ? 1 : 0, ...why, at: saidAtMs, end };
  return JSON.stringify(entry satisfies Infer<typeof entryShape>);
}

/** Undefined for what says nothing that is known here. `unknownEnd`: of an entry that does not say its own. */
export function parseVerdict(text: string, unknownEnd: EpochSeconds): Verdict | undefined {
  try {
    const entry: unknown = JSON.parse(text);
    if (!entryShape.matches(entry)) return undefined;
    const { c: client, d, cause = 'operator', at: saidAtMs = 0, end = unknownEnd } = entry;
    return { client, isDenied: d === 1, cause, saidAtMs, end };
  } catch {
    return undefined;
  }
}
