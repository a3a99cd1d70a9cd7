import type { Socket } from 'node:net';

/** Connections whose clients take nothing of what there is for them. */
export interface StalledWrites {
  /** Looks after a connection until it is closed. */
  watch(socket: Socket): void;
  close(): void;
}

interface Progress {
  /** Bytes that had left when it was last looked at. */
  left: number;
  stalledLooks: number;
}

const looksPerTime = 6;

/**
 * Cuts connections that have had bytes waiting for so long, and got rid of none: a client that never reads holds memory,
 * a place, and its upstream. One that reads slowly is not cut, nor is one for which there is nothing. What left is seen in
 * steps of what was written at once, here at most some 128 KiB. One timer looks at all of them.
 */
export function createStalledWrites(limitMs: number): StalledWrites {
  const open = new Map<Socket, Progress>();
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    for (const [socket, progress] of open) {
      const left = socket.bytesWritten - socket.writableLength;
      const isStalled = socket.writableLength > 0 && left === progress.left;
      progress.left = left;
      progress.stalledLooks = isStalled ? progress.stalledLooks + 1 : 0;
      if (progress.stalledLooks >= looksPerTime) socket.destroy();
    }
    if (open.size === 0) stop();
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  // One function for all connections: there are thousands that do nothing.
  function forget(this: Socket): void {
    open.delete(this);
  }

  return {
    watch(socket) {
      open.set(socket, { left: 0, stalledLooks: 0 });
      socket.on('close', forget);
      timer ??= setInterval(look, limitMs / looksPerTime).unref();
    },
    close: stop,
  };
}
