/** The requests that are being answered right now, so that a shutdown can wait for them. */
export interface InFlight {
  readonly enter: () => void;
  readonly leave: () => void;
  readonly count: number;
  /** Resolves when nothing is in flight. */
  drained(): Promise<void>;
}

export function createInFlight(): InFlight {
  let count = 0;
  const waiting: (() => void)[] = [];
  return {
    enter() {
      count += 1;
    },
    leave() {
      count -= 1;
      if (count === 0) for (const resolve of waiting.splice(0)) resolve();
    },
    get count() {
      return count;
    },
    drained() {
      return count === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.push(resolve);
          });
    },
  };
}
