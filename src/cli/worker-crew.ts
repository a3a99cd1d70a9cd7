import type { OrderToWorker, WordOfWorker } from './worker-messages.ts';

/** One process of a crew, as whoever started it sees it. */
export interface WorkerProcess {
  /** No later one gets it. */
  readonly id: number;
  readonly pid: number | undefined;
  /** To a process that is gone: nothing happens. */
  send(order: OrderToWorker): void;
  /** Ends it at once. */
  kill(): void;
}

/** What becomes of a process; told by whoever started it. */
export interface WorkerEvents {
  /** Each word it says. */
  onWord(word: WordOfWorker): void;
  /** Once, and nothing after it. `how`: an exit code, a signal. */
  onEnd(how: number | string): void;
}

export interface WorkerCrewDeps {
  readonly size: number;
  readonly launch: (worker: number, events: WorkerEvents) => WorkerProcess;
  /** The first order that `worker` gets. */
  readonly startOrder: (worker: number) => OrderToWorker;
  /** Words that are not about its coming and going. */
  readonly onWord: (process: WorkerProcess, word: WordOfWorker) => void;
  readonly onReady: (worker: number, process: WorkerProcess) => void;
  readonly onEnd: (worker: number, process: WorkerProcess, end: WorkerEnd) => void;
  readonly nowMs: () => number;
  readonly firstDelayMs?: number;
}

export interface WorkerEnd {
  readonly how: number | string;
  /** Why it could not start, in the words of the command line. */
  readonly failure: string | undefined;
  /** When another takes its place; undefined: none does. */
  readonly nextInMs: number | undefined;
}

/** A number of processes, and the promise that there are always that many. */
export interface WorkerCrew {
  /**
   * The first one alone, so that files are made by one; then the others. Resolves with the public port when all have
   * been ready.
   * @throws WorkerStartError when one ends before that; the others are ended, too
   */
  start(): Promise<number>;
  /** Those that serve. */
  ready(): readonly WorkerProcess[];
  /** To everyone, or to all but one. */
  tell(order: OrderToWorker, except?: WorkerProcess): void;
  /** Every one finishes what it is at, and none takes its place. Resolves when all are gone. */
  drain(): Promise<void>;
}

/** A worker could not start. The text is what it would have said as the only process. */
export class WorkerStartError extends Error {
  readonly text: string | undefined;

  constructor(worker: number, { how, failure }: Pick<WorkerEnd, 'how' | 'failure'>) {
    super(`worker ${worker} ended with ${how} before it was ready`);
    this.name = 'WorkerStartError';
    this.text = failure;
  }
}

interface Place {
  readonly worker: number;
  process: WorkerProcess | undefined;
  isReady: boolean;
  readyAtMs: number;
  failure: string | undefined;
  /** Ends in a row, each soon after its start. */
  quickEnds: number;
  timer: NodeJS.Timeout | undefined;
}

const defaultFirstDelayMs = 100;
const longestDelayMs = 10_000;
/** Who served for so long did not end because of how it starts. */
const soundAfterMs = 30_000;

export function createWorkerCrew(deps: WorkerCrewDeps): WorkerCrew {
  const places: readonly Place[] = Array.from({ length: deps.size }, (_, index) => vacant(index + 1));
  const firstStart = Promise.withResolvers<number>();
  const gone = Promise.withResolvers<void>();
  let started = false;
  let draining = false;

  function launch(place: Place): void {
    const events: WorkerEvents = {
      onWord: (word) => hear(place, word),
      onEnd: (how) => end(place, how),
    };
    Object.assign(place, { isReady: false, failure: undefined, timer: undefined });
    place.process = deps.launch(place.worker, events);
  }

  function hear(place: Place, word: WordOfWorker): void {
    const { process, worker } = place;
    if (process === undefined) return;
    if (word.type === 'here') {
      process.send(deps.startOrder(worker));
      if (draining) process.send({ type: 'drain' });
    } else if (word.type === 'failed') {
      place.failure = word.text;
    } else if (word.type === 'ready') {
      place.isReady = true;
      place.readyAtMs = deps.nowMs();
      deps.onReady(worker, process);
      if (!started) goOn(word.port);
    } else {
      deps.onWord(process, word);
    }
  }

  function goOn(port: number): void {
    if (draining) return;
    const others = places.filter(({ process }) => process === undefined);
    others.forEach(launch);
    if (!places.every(({ isReady }) => isReady)) return;
    started = true;
    firstStart.resolve(port);
  }

  function end(place: Place, how: number | string): void {
    const { process, worker, failure } = place;
    if (process === undefined) return;
    const served = place.isReady && deps.nowMs() - place.readyAtMs >= soundAfterMs;
    place.quickEnds = served ? 0 : place.quickEnds + 1;
    Object.assign(place, { process: undefined, isReady: false });
    const nextInMs = draining || !started ? undefined : delayOf(place.quickEnds);
    deps.onEnd(worker, process, { how, failure, nextInMs });
    if (nextInMs !== undefined) {
      place.timer = setTimeout(launch, nextInMs, place);
    } else if (!started && !draining) {
      draining = true;
      places.forEach((each) => each.process?.kill());
      firstStart.reject(new WorkerStartError(worker, { how, failure }));
    }
    if (draining && places.every((each) => each.process === undefined)) gone.resolve();
  }

  /** Once is an accident and costs no time; what ends again and again must not eat the machine. */
  function delayOf(quickEnds: number): number {
    const first = deps.firstDelayMs ?? defaultFirstDelayMs;
    return quickEnds <= 1 ? first : Math.min(longestDelayMs, first * 2 ** (quickEnds - 1));
  }

  return {
    start() {
      const [first] = places;
      if (first !== undefined) launch(first);
      return firstStart.promise;
    },
    ready: () =>
      places.flatMap(({ process, isReady }) => (isReady && process !== undefined ? [process] : [])),
    tell(order, except) {
      for (const { process } of places) if (process !== undefined && process !== except) process.send(order);
    },
    drain() {
      draining = true;
      for (const place of places) {
        clearTimeout(place.timer);
        place.process?.send({ type: 'drain' });
      }
      if (places.every(({ process }) => process === undefined)) gone.resolve();
      return gone.promise;
    },
  };
}

function vacant(worker: number): Place {
  return {
    worker,
    process: undefined,
    isReady: false,
    readyAtMs: 0,
    failure: undefined,
    quickEnds: 0,
    timer: undefined,
  };
}
