import { type CallOutcome, MountConnection } from './mount-connection.ts';

export interface LoadTarget {
  readonly port: number;
  /** The bytes of the call that has this number. */
  readonly request: (number: number) => string;
  /** Told of each; where it is given, nothing else is kept. */
  readonly onOutcome?: (outcome: CallOutcome, number: number) => void;
  readonly connections: number;
}

export interface SteadyLoad {
  readonly outcomes: readonly CallOutcome[];
  /** Calls that were due and found all connections waiting. */
  readonly unsent: number;
  /** Begins no more, and resolves when the last is over. */
  stop(): Promise<void>;
}

const tickMilliseconds = 5;

/** Calls at a steady pace, whatever becomes of those before, over as many connections as that takes. */
export function startSteadyLoad(target: LoadTarget & { readonly perSecond: number }): SteadyLoad {
  const outcomes: CallOutcome[] = [];
  const idle: MountConnection[] = [];
  const underWay = new Set<Promise<void>>();
  const began = performance.now();
  let [made, unsent, open] = [0, 0, 0];

  function connection(): MountConnection | undefined {
    for (let found = idle.pop(); found !== undefined; found = idle.pop()) if (found.isUsable) return found;
    if (open >= target.connections) return undefined;
    open += 1;
    const fresh = new MountConnection(target.port);
    void fresh.closed.then(() => {
      open -= 1;
    });
    return fresh;
  }

  async function send(over: MountConnection, number: number): Promise<void> {
    const outcome = await over.call(target.request(number));
    if (over.isUsable) idle.push(over);
    else over.destroy();
    if (target.onOutcome === undefined) outcomes.push(outcome);
    else target.onOutcome(outcome, number);
  }

  function tick(): void {
    const due = ((performance.now() - began) * target.perSecond) / 1000;
    while (made < due) {
      made += 1;
      const over = connection();
      if (over === undefined) {
        unsent += 1;
        continue;
      }
      const call: Promise<void> = send(over, made).finally(() => underWay.delete(call));
      underWay.add(call);
    }
  }

  const timer = setInterval(tick, tickMilliseconds);
  return {
    outcomes,
    get unsent() {
      return unsent;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      for (const each of idle) each.destroy();
    },
  };
}

/** Each connection makes its next call when it has the answer to the last; until `goOn` says no. */
export async function callInTurn(
  target: LoadTarget,
  goOn: (number: number) => boolean,
): Promise<readonly CallOutcome[]> {
  const outcomes: CallOutcome[] = [];
  let made = 0;

  async function work(): Promise<void> {
    let over = new MountConnection(target.port);
    while (goOn(made)) {
      const number = made;
      made += 1;
      if (!over.isUsable) {
        over.destroy();
        over = new MountConnection(target.port);
      }
      const outcome = await over.call(target.request(number));
      if (target.onOutcome === undefined) outcomes.push(outcome);
      else target.onOutcome(outcome, number);
    }
    over.destroy();
  }

  await Promise.all(Array.from({ length: target.connections }, work));
  return outcomes;
}
