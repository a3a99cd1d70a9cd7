import { stat } from 'node:fs/promises';

import type { Clock } from '../../platform/clock.ts';
import type { KeyEntry } from './key-set.ts';
import { KeySetError, type KeySetFault } from './key-set-error.ts';
import { readKeyFile, stampOf } from './read-key-file.ts';

export interface KeyFileWatchDeps {
  readonly path: string;
  readonly refuseExposed: boolean;
  readonly clock: Pick<Clock, 'nowSeconds'>;
  readonly onKeys: (entries: readonly KeyEntry[]) => void;
  /** Told once of each file that is not acceptable; the keys stay what they were. */
  readonly onRefused: (fault: KeySetFault) => void;
  readonly pollMilliseconds?: number;
}

export interface KeyFileWatch {
  /** The keys the file had at the start. */
  readonly entries: readonly KeyEntry[];
  /** Looks now. Resolves when the keys are in force, or refused; never rejects. */
  check(): Promise<void>;
  close(): void;
}

/** A destroyed key has to be gone within ten seconds: this leaves room for a file system that is late. */
const defaultPollMilliseconds = 1000;

/**
 * A file written twice within one tick of the system's clock can bear the same stamp: for this many looks after a change
 * its text is compared as well.
 */
const distrustedLooks = 3;

/**
 * Reads the key file and goes on looking whether it changed: by its stamp and not by notifications, which do not
 * arrive from network file systems nor through the symbolic links of mounted secrets.
 * @throws KeySetError when the file is not acceptable at the start
 */
export function watchKeyFile(deps: KeyFileWatchDeps): KeyFileWatch {
  const { path, refuseExposed, clock } = deps;
  const read = () => readKeyFile(path, { now: clock.nowSeconds(), refuseExposed });
  const first = read();
  const destroyed = new Set<string>();
  let accepted = first;
  let looksToDistrust = distrustedLooks;
  let refused: string | undefined;
  let isClosed = false;

  function accept(): void {
    const reading = read();
    refuseReturned(reading.entries, destroyed);
    const isNew = reading.content !== accepted.content;
    if (reading.stamp !== accepted.stamp) looksToDistrust = distrustedLooks;
    accepted = reading;
    refused = undefined;
    if (!isNew) return;
    remember(reading.entries, destroyed);
    deps.onKeys(reading.entries);
  }

  async function look(): Promise<void> {
    const stamp = await findStamp(path);
    // A look that began before is nobody's any more.
    if (isClosed) return;
    if (stamp === accepted.stamp) {
      if (looksToDistrust === 0) return;
      looksToDistrust -= 1;
    }
    try {
      accept();
    } catch (error) {
      if (!(error instanceof KeySetError)) throw error;
      looksToDistrust = distrustedLooks;
      const what = `${error.fault} ${stamp ?? ''}`;
      if (what !== refused) deps.onRefused(error.fault);
      refused = what;
    }
  }

  remember(first.entries, destroyed);
  let looking: Promise<void> | undefined;
  const check = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const timer = setInterval(() => void check(), deps.pollMilliseconds ?? defaultPollMilliseconds);
  timer.unref();
  return {
    entries: first.entries,
    // One that began before the call may have looked too early.
    check: async () => {
      await looking;
      await check();
    },
    close() {
      isClosed = true;
      clearInterval(timer);
    },
  };
}

function findStamp(path: string): Promise<string | undefined> {
  return stat(path, { bigint: true }).then(stampOf, () => undefined);
}

/** A backup of the file must not bring back a key that this process saw destroyed. */
function refuseReturned(entries: readonly KeyEntry[], destroyed: ReadonlySet<string>): void {
  if (!entries.some(({ id, state }) => destroyed.has(id) && state !== 'destroyed')) return;
  throw new KeySetError('destroyed_key_returned', 'brings back a key that was destroyed', {
    fix: 'destroy it again with: gatehouse keys destroy',
  });
}

function remember(entries: readonly KeyEntry[], destroyed: Set<string>): void {
  for (const { id, state } of entries) if (state === 'destroyed') destroyed.add(id);
}
