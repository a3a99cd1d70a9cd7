import { stat } from 'node:fs/promises';

import { PemFileError } from './pem-files.ts';

export interface PemWatchDeps<Value> {
  readonly files: readonly string[];
  /** Reads all of them. @throws PemFileError */
  readonly read: () => Value;
  readonly onChange: (value: Value) => void;
  /** The files are not acceptable now; what was read before stays in force. */
  readonly onRefused: (error: PemFileError) => void;
  readonly pollMilliseconds?: number;
}

export interface PemWatch<Value> {
  /** What the files held at the start. */
  readonly first: Value;
  /** Reads them now, whether they changed or not; never throws. */
  check(): void;
  close(): void;
}

const defaultPollMilliseconds = 1000;

/**
 * Reads PEM files, and again when one of them has changed and then stayed as it is from one look to the next: a
 * certificate and its key are two files, and between the writing of the two they do not fit. Looks at stamps and waits for
 * no notifications, which do not arrive from network file systems nor through the symbolic links of mounted secrets.
 * @throws PemFileError when the files are not acceptable at the start
 */
export function watchPemFiles<Value>(deps: PemWatchDeps<Value>): PemWatch<Value> {
  const { files, read, onChange, onRefused } = deps;
  const first = read();
  /** Of what was read last. Undefined: of the start. */
  let judged: string | undefined;
  let seen: string | undefined;

  function take(): void {
    try {
      onChange(read());
    } catch (error) {
      if (!(error instanceof PemFileError)) throw error;
      onRefused(error);
    }
  }

  async function look(): Promise<void> {
    const stamps = (await Promise.all(files.map(stampOf))).join(' ');
    judged ??= stamps;
    const hasSettled = stamps === seen;
    seen = stamps;
    if (stamps === judged || !hasSettled) return;
    judged = stamps;
    take();
  }

  void look();
  const timer = setInterval(() => void look(), deps.pollMilliseconds ?? defaultPollMilliseconds);
  timer.unref();
  return { first, check: take, close: () => clearInterval(timer) };
}

async function stampOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  if (stats === undefined) return 'none';
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}
