import type { WorkerProcess } from './worker-crew.ts';
import type { Answer, Question } from './worker-messages.ts';

/** Questions to workers, and their answers. */
export interface WorkerQuestions {
  /** Answers by the process's id. One that says nothing in time is missing. */
  ask<About extends Question>(
    about: About,
    processes: readonly WorkerProcess[],
  ): Promise<ReadonlyMap<number, Extract<Answer, { about: About }>>>;
  take(id: number, answer: Answer): void;
  /** Nobody waits any longer for one that is gone. */
  leave(process: WorkerProcess): void;
}

/** Shorter than the patience of a scrape or a probe: what hangs is told apart from what is there. */
const defaultTimeoutMs = 1_000;

interface Waiting {
  readonly process: number;
  readonly settle: (answer: Answer | undefined) => void;
}

export function createWorkerQuestions(timeoutMs: number = defaultTimeoutMs): WorkerQuestions {
  const waiting = new Map<number, Waiting>();
  let asked = 0;

  function askOne(about: Question, process: WorkerProcess): Promise<Answer | undefined> {
    asked += 1;
    const id = asked;
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(undefined), timeoutMs);
      const settle = (answer: Answer | undefined): void => {
        clearTimeout(timer);
        waiting.delete(id);
        resolve(answer);
      };
      waiting.set(id, { process: process.id, settle });
      process.send({ type: 'ask', id, about });
    });
  }

  return {
    async ask(about, processes) {
      type Wanted = Extract<Answer, { about: typeof about }>;
      const isWanted = (answer: Answer | undefined): answer is Wanted => answer?.about === about;
      const answers = new Map<number, Wanted>();
      await Promise.all(
        processes.map(async (process) => {
          const answer = await askOne(about, process);
          if (isWanted(answer)) answers.set(process.id, answer);
        }),
      );
      return answers;
    },
    take: (id, answer) => waiting.get(id)?.settle(answer),
    leave(process) {
      for (const { process: id, settle } of waiting.values()) if (id === process.id) settle(undefined);
    },
  };
}
