/** Letters that may be missing, too many or others than in the name that was meant. */
const maxDistance = 2;

/** Of names that are known, the one that was probably meant by another. Undefined: none is near. */
export function findClosestName(name: string, known: readonly string[]): string | undefined {
  let closest: string | undefined;
  // A word of three letters is near to every other.
  let distance = Math.min(maxDistance, Math.ceil(name.length / 3)) + 1;
  for (const candidate of known) {
    // Most names are not worth comparing.
    if (Math.abs(candidate.length - name.length) >= distance) continue;
    const found = measureDistance(name, candidate);
    if (found < distance) [closest, distance] = [candidate, found];
  }
  return closest;
}

/** Levenshtein: how many letters have to be put in, taken out or replaced. */
function measureDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 0; i < left.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < right.length; j += 1) {
      const replaced = (row[j] ?? 0) + (right[j] === left[i] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
