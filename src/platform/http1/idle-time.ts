const timeoutParameter = /(?:^|[\s,;])timeout=(\d{1,6})(?=$|[\s,;])/i;

/**
 * For how many seconds the sender of a response keeps its connection when nothing is asked of it, by `Keep-Alive:
 * timeout=N`. A request sent later than that races with the end of the connection.
 * @param rawHeaders name and value alternating
 * @returns `Infinity` when nothing is said
 */
export function idleSecondsOffered(rawHeaders: readonly string[]): number {
  let seconds = Infinity;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    // Most names differ in length already, and so cost no copy in lower case.
    if (name.length !== 10 || name.toLowerCase() !== 'keep-alive') continue;
    const offered = timeoutParameter.exec(rawHeaders[index + 1] ?? '')?.[1];
    if (offered !== undefined) seconds = Math.min(seconds, Number(offered));
  }
  return seconds;
}
