/**
 * Remembers what was found out about header names: the same few come with every message, in the same spelling.
 * @param judge a pure function of the name
 */
export function createNameTable<Verdict>(judge: (name: string) => Verdict): (name: string) => Verdict {
  const known = new Map<string, Verdict>();
  return (name) => {
    const verdict = known.get(name);
    if (verdict !== undefined) return verdict;
    const judged = judge(name);
    // A copy: a slice would keep the head alive that it was cut from. Who sends names without end only fills the table.
    if (known.size < maxNames) known.set(Buffer.from(name, 'latin1').toString('latin1'), judged);
    return judged;
  };
}

const maxNames = 500;
