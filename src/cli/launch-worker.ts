import cluster from 'node:cluster';

import type { WorkerEvents, WorkerProcess } from './worker-crew.ts';
import { parseWord } from './worker-messages.ts';

/**
 * Starts `gatehouse worker` as a process that shares this one's public port: the listening socket is one, held by all,
 * and the kernel gives each connection to a process that is free to take it.
 */
export function launchWorker(worker: number, events: WorkerEvents): WorkerProcess {
  // A dying worker takes along what it has accepted, and nothing that waits.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  // `advanced`: the configuration has patterns and bytes in it, measurements have NaN.
  cluster.setupPrimary({ args: ['worker', String(worker)], serialization: 'advanced' });
  const child = cluster.fork();
  let ended = false;

  function end(how: number | string): void {
    if (!ended) events.onEnd(how);
    ended = true;
  }

  child.on('message', (message: unknown) => {
    const word = parseWord(message);
    if (word !== undefined && !ended) events.onWord(word);
  });
  child.on('exit', (code, signal) => {
    end(signal ?? code);
  });
  // Of a fork that failed, or a message that came too late; an exit follows, but for the first.
  child.on('error', (error: Error & { readonly code?: string }) => {
    if (child.process.pid === undefined) end(error.code ?? error.name);
  });
  return {
    id: child.id,
    pid: child.process.pid,
    send(order) {
      if (child.isConnected()) child.send(order, () => {});
    },
    kill: () => child.process.kill('SIGKILL'),
  };
}
