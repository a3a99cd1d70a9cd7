/** What is counted for a key in its present window. */
export interface Windowed {
  /** Milliseconds of the clock at which the window ends. */
  readonly endsAt: number;
}

/** The counts of a bounded number of keys. */
export interface WindowTable<Entry> {
  /** The entry of the key's present window, made now when there is none. */
  take(key: string): Entry;
  readonly size: number;
}

export interface WindowTableOptions<Entry> {
  readonly windowMs: number;
  /** Strangers choose how many keys there are; this is where it ends. */
  readonly maxKeys: number;
  readonly nowMs: () => number;
  readonly create: (endsAt: number) => Entry;
}

/** Of windows that are over so many are let go for each that begins: the table shrinks without ever being searched. */
const lettingGo = 2;

/**
 * Windows are all of one length, so the order in which they began is the order in which they end: the front of the
 * table is always what ends first, and every step takes the same short time however many keys there are. When the table
 * is full the oldest window goes: its key begins anew, which lets a stranger with that many addresses through, and
 * nobody is refused who would not have been.
 */
export function createWindowTable<Entry extends Windowed>(
  options: WindowTableOptions<Entry>,
): WindowTable<Entry> {
  const { windowMs, maxKeys, nowMs, create } = options;
  const windows = new Map<string, Entry>();

  function makeRoom(now: number): void {
    let left = lettingGo;
    for (const [key, entry] of windows) {
      if (left === 0 || (!isOver(entry, now) && windows.size < maxKeys)) return;
      windows.delete(key);
      left -= 1;
    }
  }

  // A clock that was set back must not hold windows open for as long as it was ahead.
  function isOver(entry: Entry, now: number): boolean {
    return entry.endsAt <= now || entry.endsAt > now + windowMs;
  }

  return {
    take(key) {
      const now = nowMs();
      const present = windows.get(key);
      if (present !== undefined && !isOver(present, now)) return present;
      // Out first: a key that is set again keeps its old place in a Map.
      windows.delete(key);
      makeRoom(now);
      const entry = create(now + windowMs);
      windows.set(key, entry);
      return entry;
    },
    get size() {
      return windows.size;
    },
  };
}
