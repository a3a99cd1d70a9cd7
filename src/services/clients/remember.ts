/** Puts an entry into a bounded map. The oldest one makes room. */
export function remember<Entry>(entries: Map<string, Entry>, max: number, key: string, entry: Entry): void {
  entries.delete(key);
  if (entries.size >= max) {
    const oldest = entries.keys().next();
    if (oldest.done !== true) entries.delete(oldest.value);
  }
  entries.set(key, entry);
}
