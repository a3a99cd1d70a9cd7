import { createHash } from 'node:crypto';

import type { Answer, History, Operation, Outage, Result } from './history.ts';

export interface Question {
  readonly operation: Operation;
  readonly session: string;
  readonly replica: number;
  /** The code or token itself; only its digest is kept. */
  readonly presented: string;
}

/** Writes down every answer a client gets, and when nothing could be recorded. Holds no secret. */
export interface Recorder {
  readonly answers: readonly Answer[];
  /** Asks, and records what came of it. A rejection counts as a lost answer. */
  ask(question: Question, run: () => Promise<Result>): Promise<Answer>;
  /** From now on the store is known to be dead. Call the result when it may answer again. */
  beginOutage(replica?: number): () => void;
  /** At this moment the store went back to an older state. */
  noteLoss(): void;
  history(): History;
}

export function createRecorder(): Recorder {
  const answers: Answer[] = [];
  const outages: Outage[] = [];
  const losses: number[] = [];
  const open = new Set<Omit<Outage, 'to'>>();

  return {
    answers,
    async ask({ presented, ...question }, run) {
      const startedAt = performance.now();
      const wallAt = Date.now();
      const result = await run().catch((): Result => ({ outcome: 'lost' }));
      const answer = {
        ...question,
        presented: digest(presented),
        startedAt,
        endedAt: performance.now(),
        wallAt,
        result,
      };
      answers.push(answer);
      return answer;
    },
    beginOutage(replica) {
      const from = performance.now();
      const outage = replica === undefined ? { from } : { from, replica };
      open.add(outage);
      return () => {
        if (open.delete(outage)) outages.push({ ...outage, to: performance.now() });
      };
    },
    noteLoss: () => losses.push(performance.now()),
    history: () => ({
      answers,
      losses,
      outages: [...outages, ...[...open].map((outage) => ({ ...outage, to: performance.now() }))],
    }),
  };
}

/** Names a secret without giving it away. */
export function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url').slice(0, 12);
}
