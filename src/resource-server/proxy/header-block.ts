/** Headers that are the same in many answers, in both forms that are written. */
export interface HeaderBlock {
  /** Name and value alternating. */
  readonly list: readonly string[];
  /** The same as header lines. */
  readonly lines: string;
}

/** @param list name and value alternating */
export function createHeaderBlock(list: readonly string[]): HeaderBlock {
  return { list, lines: formatHeaderLines(list) };
}

/** @param list name and value alternating, none with a line end in it */
function formatHeaderLines(list: readonly string[]): string {
  const parts: string[] = [];
  for (let index = 0; index + 1 < list.length; index += 2) {
    parts.push(list[index] as string, ': ', list[index + 1] as string, '\r\n');
  }
  return parts.join('');
}
