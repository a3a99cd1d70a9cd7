import { readFileSync } from 'node:fs';

/** How many descriptors this process may have open; undefined where the system does not say, or sets no limit. */
export function findDescriptorLimit(read: () => string = readLimits): number | undefined {
  let text: string;
  try {
    text = read();
  } catch {
    return undefined;
  }
  // Node has raised the first, soft limit to the second by now.
  const soft = /^Max open files\s+(\d+)\s/m.exec(text)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** Linux alone has it. */
function readLimits(): string {
  return readFileSync('/proc/self/limits', 'utf8');
}
