import { stat } from 'node:fs/promises';

export interface FileWatchDeps {
  /** Which they are now; they are asked for at every look. */
  readonly files: () => readonly string[];
  /** They have changed, or are other files than before. */
  readonly onChange: () => void;
  /** Tells of the first look, too: what was read before may have changed since. */
  readonly tellFirst?: boolean;
  readonly pollMilliseconds?: number | undefined;
}

export interface FileWatch {
  close(): void;
}

const defaultPollMilliseconds = 1000;

/**
 * Tells when one of several files has changed and all then stayed as they are from one look to the next: files that
 * belong together are not written at once. Looks at stamps and waits for no notifications, which do not arrive from
 * network file systems nor through the symbolic links of mounted secrets.
 */
export function watchFiles(deps: FileWatchDeps): FileWatch {
  const { files, onChange, tellFirst = false, pollMilliseconds = defaultPollMilliseconds } = deps;
  /** What was told last. Undefined: nothing yet, and the first look is not to be told. */
  let told: string | undefined = tellFirst ? '' : undefined;
  let seen: string | undefined;
  let isClosed = false;

  async function look(): Promise<void> {
    const stamps = (await Promise.all(files().map(stampOf))).join(' ');
    if (isClosed) return;
    told ??= stamps;
    const hasSettled = stamps === seen;
    seen = stamps;
    if (stamps === told || !hasSettled) return;
    told = stamps;
    onChange();
  }

  void look();
  const timer = setInterval(() => void look(), pollMilliseconds);
  timer.unref();
  return {
    close() {
      isClosed = true;
      clearInterval(timer);
    },
  };
}

async function stampOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  if (stats === undefined) return 'none';
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}
