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
export function formatHeaderLines(list: readonly string[]): string {
  let lines = '';
  for (let index = 0; index + 1 < list.length; index += 2) {
    lines += `${list[index] as string}: ${list[index + 1] as string}\r\n`;
  }
  return lines;
}
