/** Lets what is measured go before whoever else is on the machine, where the system allows it: to root. Linux. */
import { setPriority } from 'node:os';

import { threadsOf } from './process-cost.ts';

const urgent = -15;
const ordinary = 0;

/** For short slices that do not fill a core: waiting for a neighbour would be most of what they find. */
export async function withPriority<Result>(
  pids: readonly number[],
  action: () => Promise<Result>,
): Promise<Result> {
  for (const pid of pids) prioritise(pid, urgent);
  try {
    return await action();
  } finally {
    for (const pid of pids) prioritise(pid, ordinary);
  }
}

/** The process, its descendants and their threads; what they start later inherits it. */
export function makeUrgent(pid: number): void {
  prioritise(pid, urgent);
}

function prioritise(pid: number, priority: number): void {
  for (const thread of threadsOf(pid)) {
    try {
      setPriority(thread, priority);
    } catch {
      // Not root, or it is gone: then it is measured as it is.
    }
  }
}
