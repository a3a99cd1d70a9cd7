import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { WorkerProcess } from './worker-crew.ts';
import type { Answer, OrderToWorker } from './worker-messages.ts';
import { createWorkerQuestions } from './worker-questions.ts';

const readiness: Answer = {
  about: 'readiness',
  readiness: { status: 'ok', store: 'ok', identity_provider: 'ok' },
};

function createProcess(id: number) {
  const orders: OrderToWorker[] = [];
  const process: WorkerProcess = { id, pid: id, send: (order) => orders.push(order), kill: () => undefined };
  const questionId = (): number => {
    const order = orders.at(-1);
    return order?.type === 'ask' ? order.id : Number.NaN;
  };
  return { process, questionId };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('createWorkerQuestions', () => {
  it('collects the answers, and does without those that do not come in time', async () => {
    const questions = createWorkerQuestions(1000);
    const [one, two] = [createProcess(1), createProcess(2)];
    const asked = questions.ask('readiness', [one.process, two.process]);
    questions.take(two.questionId(), readiness);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await asked).toEqual(new Map([[2, readiness]]));
    // Too late: nobody waits.
    questions.take(one.questionId(), readiness);
  });

  it('does not wait for one that is gone', async () => {
    const questions = createWorkerQuestions(1000);
    const one = createProcess(1);
    const asked = questions.ask('readiness', [one.process]);
    questions.leave(one.process);
    expect((await asked).size).toBe(0);
  });

  it('takes no answer to another question', async () => {
    const questions = createWorkerQuestions(1000);
    const one = createProcess(1);
    const asked = questions.ask('metrics', [one.process]);
    questions.take(one.questionId(), readiness);
    expect((await asked).size).toBe(0);
  });
});
