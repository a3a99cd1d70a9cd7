import { nameOfOnlyMount } from '../mount-config.ts';
import type { GivenConfig } from './given-file.ts';

/** Mounts that somebody may name: one with a problem of its own is there all the same. */
export function listMountNames(
  { raw }: Pick<GivenConfig, 'raw'>,
  mounts: ReadonlyArray<{ readonly name: string }>,
): ReadonlySet<string> {
  const written: unknown = raw['mounts'];
  if (written === undefined) return new Set([nameOfOnlyMount]);
  const entries: readonly unknown[] = Array.isArray(written) ? written : [];
  const names = entries.flatMap((entry) =>
    typeof entry === 'object' && entry !== null && 'name' in entry && typeof entry.name === 'string'
      ? [entry.name]
      : [],
  );
  return new Set([...names, ...mounts.map(({ name }) => name)]);
}
