import type { Clock } from '../clock.ts';

/** How many lines of a kind may be logged: the same one a hundred thousand times over tells nobody more. */
export interface LineBudget {
  /** Whether one more line of this kind is to be written in this second; one that is not is counted. */
  take(kind: string): boolean;
  /** Tells of what was left out until now. */
  close(): void;
}

export interface LineBudgetDeps {
  readonly clock: Clock;
  /** Told at most once a second how many lines of each kind were left out. */
  readonly onLeftOut: (counts: Readonly<Record<string, number>>) => void;
  readonly perKind?: number;
  readonly inAll?: number;
}

const defaultPerKind = 10;
const defaultInAll = 80;
const oneSecondMs = 1000;

/** The first lines of each second are written, `perKind` of each kind and `inAll` together; kinds are a closed set. */
export function createLineBudget(deps: LineBudgetDeps): LineBudget {
  const { clock, perKind = defaultPerKind, inAll = defaultInAll } = deps;
  let second = clock.nowSeconds();
  let written = 0;
  const writtenOfKind = new Map<string, number>();
  const leftOut = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    clearTimeout(timer);
    timer = undefined;
    if (leftOut.size === 0) return;
    deps.onLeftOut(Object.fromEntries(leftOut));
    leftOut.clear();
  }

  function leaveOut(kind: string): false {
    leftOut.set(kind, (leftOut.get(kind) ?? 0) + 1);
    timer ??= setTimeout(tell, oneSecondMs).unref();
    return false;
  }

  return {
    take(kind) {
      const now = clock.nowSeconds();
      if (now !== second) {
        second = now;
        written = 0;
        writtenOfKind.clear();
      }
      const ofKind = writtenOfKind.get(kind) ?? 0;
      if (ofKind >= perKind || written >= inAll) return leaveOut(kind);
      writtenOfKind.set(kind, ofKind + 1);
      written += 1;
      return true;
    },
    close: tell,
  };
}
