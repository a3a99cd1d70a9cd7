/** All values of a header, in order. Node's own map joins some and drops others.
 * @param rawHeaders name and value alternating, names as spelled
 * @param name in lower case
 */
export function headerValues(rawHeaders: readonly string[], name: string): readonly string[] {
  let values: string[] | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index] as string;
    if (candidate.length === name.length && candidate.toLowerCase() === name) {
      (values ??= []).push(rawHeaders[index + 1] as string);
    }
  }
  return values ?? none;
}

const none: readonly string[] = [];
