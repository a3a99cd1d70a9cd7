/**
 * Judges header names, and remembers the verdicts: the same few come with every message, in the same spelling.
 * @param judge a pure function of the name
 * @param candidates names that are worth a look, in lower case, or with `*` at the end whole families of them. Length
 * and first letter tell most others, and those get `otherwise` without a look into the table.
 */
export function createNameTable<Verdict>(
  judge: (name: string) => Verdict,
  candidates: Iterable<string>,
  otherwise: Verdict,
): (name: string) => Verdict {
  const known = new Map<string, Verdict>();
  const slots = new Uint8Array(32 * maxNameLength);
  for (const name of candidates) {
    if (!name.endsWith('*')) slots[slotOf(name)] = 1;
    else for (let length = 1; length < maxNameLength; length += 1) slots[slotOf(name, length)] = 1;
  }
  return (name) => {
    const isLong = name.length >= maxNameLength;
    if (!isLong && slots[slotOf(name)] !== 1) return otherwise;
    const verdict = known.get(name);
    if (verdict !== undefined) return verdict;
    const judged = judge(name);
    // A copy: a slice would keep the head alive that it was cut from. Who sends names without end only fills the table.
    if (known.size < maxNames && !isLong) known.set(Buffer.from(name, 'latin1').toString('latin1'), judged);
    return judged;
  };
}

const maxNames = 500;
const maxNameLength = 64;

/** The same for both cases of a letter. */
function slotOf(name: string, length = name.length): number {
  return length * 32 + (name.charCodeAt(0) & 31);
}
