/** Says whether a name is one of those that some patterns mean. */
export type NameMatch = (name: string) => boolean;

/**
 * Joins patterns: exact names, case-sensitive, in which `*` stands for any characters, or none. Nothing else is
 * special, and no name costs more time than its length times the number of pieces in a pattern: a pattern is no
 * regular expression, so that none that an operator writes can be made to run for ever by a name that a stranger chose.
 */
export function matchNames(patterns: readonly string[]): NameMatch {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns.filter((pattern) => pattern.includes('*')).map(matchGlob);
  if (globs.length === 0) return (name) => exact.has(name);
  return (name) => exact.has(name) || globs.some((matches) => matches(name));
}

function matchGlob(pattern: string): NameMatch {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop() ?? '';
  const middle = rest.filter((piece) => piece !== '');
  const least = first.length + last.length;
  return (name) => {
    if (name.length < least || !name.startsWith(first) || !name.endsWith(last)) return false;
    const end = name.length - last.length;
    let at = first.length;
    // The leftmost place of each piece is as good as any other: what follows only gets more room.
    for (const piece of middle) {
      const found = name.indexOf(piece, at);
      if (found === -1 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}
