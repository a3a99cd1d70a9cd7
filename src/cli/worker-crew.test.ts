import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { load } from '../../test/support/configuration.ts';
import { createWorkerCrew, type WorkerCrew, type WorkerEnd, type WorkerEvents } from './worker-crew.ts';
import type { OrderToWorker } from './worker-messages.ts';

interface Launched {
  readonly worker: number;
  readonly events: WorkerEvents;
  readonly orders: OrderToWorker['type'][];
  killed: boolean;
}

let launched: Launched[];
let ends: WorkerEnd[];
let crew: WorkerCrew;
let now: number;

beforeEach(() => {
  vi.useFakeTimers();
  launched = [];
  ends = [];
  now = 0;
  crew = createWorkerCrew({
    size: 3,
    launch(worker, events) {
      const process: Launched = { worker, events, orders: [], killed: false };
      launched.push(process);
      return {
        id: launched.length,
        pid: undefined,
        send: (order) => process.orders.push(order.type),
        kill: () => (process.killed = true),
      };
    },
    startOrder: () => ({ type: 'reload', config: load() }),
    onWord: () => undefined,
    onReady: () => undefined,
    onEnd: (_worker, _process, end) => ends.push(end),
    nowMs: () => now,
  });
});

afterEach(() => {
  vi.useRealTimers();
});

function latest(worker: number): Launched {
  const found = launched.findLast((each) => each.worker === worker);
  if (found === undefined) throw new Error(`worker ${worker} was not launched`);
  return found;
}

function ready(worker: number): void {
  latest(worker).events.onWord({ type: 'here' });
  latest(worker).events.onWord({ type: 'ready', port: 8080 });
}

async function startAll(): Promise<void> {
  const started = crew.start();
  for (const worker of [1, 2, 3]) ready(worker);
  expect(await started).toBe(8080);
}

describe('createWorkerCrew', () => {
  it('starts one alone, the others when it is ready, and is there when all are', async () => {
    const started = crew.start();
    expect(launched.map(({ worker }) => worker)).toEqual([1]);
    ready(1);
    expect(launched.map(({ worker }) => worker)).toEqual([1, 2, 3]);
    ready(3);
    expect(crew.ready()).toHaveLength(2);
    ready(2);
    expect(await started).toBe(8080);
    expect(latest(2).orders).toEqual(['reload']);
  });

  it('ends all when one cannot start, and says why', async () => {
    const started = crew.start();
    ready(1);
    latest(2).events.onWord({ type: 'failed', text: 'error: no\n' });
    latest(2).events.onEnd(1);
    await expect(started).rejects.toMatchObject({
      name: 'WorkerStartError',
      message: 'worker 2 ended with 1 before it was ready',
      text: 'error: no\n',
    });
    expect([latest(1).killed, latest(3).killed]).toEqual([true, true]);
    vi.advanceTimersByTime(60_000);
    expect(launched).toHaveLength(3);
  });

  it('puts another in the place of one that ended, soon at first, later when it ends again and again', async () => {
    await startAll();
    for (let time = 0; time < 9; time += 1) {
      latest(2).events.onEnd('SIGKILL');
      vi.advanceTimersByTime(10_000);
      if (time > 3) ready(2);
    }
    expect(ends.map(({ nextInMs }) => nextInMs)).toEqual([
      100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000,
    ]);
    expect(launched.filter(({ worker }) => worker === 2)).toHaveLength(10);
    expect(launched.filter(({ worker }) => worker !== 2)).toHaveLength(2);
  });

  it('forgets earlier ends of a place that served for a while', async () => {
    await startAll();
    latest(2).events.onEnd(1);
    latest(2).events.onEnd(1);
    vi.advanceTimersByTime(100);
    ready(2);
    now += 60_000;
    latest(2).events.onEnd(1);
    expect(ends.map(({ nextInMs }) => nextInMs)).toEqual([100, 100]);
  });

  it('drains everybody, replaces nobody, and is through when all are gone', async () => {
    await startAll();
    latest(3).events.onEnd(1);
    let drained = false;
    void crew.drain().then(() => (drained = true));
    expect([latest(1).orders, latest(2).orders]).toEqual([
      ['reload', 'drain'],
      ['reload', 'drain'],
    ]);
    latest(1).events.onEnd(0);
    await Promise.resolve();
    expect(drained).toBe(false);
    latest(2).events.onEnd(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(drained).toBe(true);
    expect(launched).toHaveLength(3);
  });

  it('drains one that is still on its way', async () => {
    void crew.start();
    void crew.drain();
    latest(1).events.onWord({ type: 'here' });
    expect(latest(1).orders).toEqual(['drain', 'reload', 'drain']);
  });

  it('tells everybody, or everybody else', async () => {
    await startAll();
    const [first] = crew.ready();
    crew.tell({ type: 'feed_grown', feed: 'x' }, first);
    expect(launched.map(({ orders }) => orders.at(-1))).toEqual(['reload', 'feed_grown', 'feed_grown']);
  });
});
