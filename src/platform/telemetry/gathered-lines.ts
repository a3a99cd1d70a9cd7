import type { DestinationStream } from 'pino';

/** Lines go out together, and never later than this. */
const gatheredMilliseconds = 20;

/** What `destination` gives with `contentMode: 'buffer'`, which its types do not know. */
export interface ByteOutput {
  write(bytes: Uint8Array): boolean;
  flushSync(): void;
}

export interface GatheringStream extends DestinationStream {
  /** Writes a line soon: with those that come right behind it, and before any other line. */
  add(line: string): void;
}

/** Gathers lines up to so many bytes: a write for each line would cost as much as the request that it tells of. */
export function gather(output: ByteOutput, maxBytes: number): GatheringStream {
  let gathered = Buffer.allocUnsafe(maxBytes);
  let used = 0;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (used === 0) return;
    output.write(gathered.subarray(0, used));
    gathered = Buffer.allocUnsafe(maxBytes);
    used = 0;
  }

  process.once('exit', () => {
    flush();
    output.flushSync();
  });
  return {
    add(line) {
      // No character takes more than three bytes for each of its units.
      if (used + 3 * line.length > maxBytes) flush();
      if (3 * line.length > maxBytes) {
        this.write(line);
        return;
      }
      used += gathered.write(line, used);
      timer ??= setTimeout(flush, gatheredMilliseconds);
    },
    write(line) {
      flush();
      output.write(Buffer.from(line));
    },
  };
}
