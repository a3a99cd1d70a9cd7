import type { Clock } from '../../../platform/clock.ts';

/** Groups around groups, for a moment. Of people nothing is kept: who left a group is out of it at once. */
export interface RememberedGroups {
  find(group: string): readonly string[] | undefined;
  put(group: string, around: readonly string[]): void;
  /** Lets go of what is remembered to be in one of these groups. False: nothing is. */
  forgetThoseIn(groups: ReadonlySet<string>): boolean;
}

const milliseconds = 60_000;
const maxEntries = 5_000;

/** The same groups are asked about for everybody who is in them, and Google counts questions. */
export function createRememberedGroups(clock: Pick<Clock, 'nowMilliseconds'>): RememberedGroups {
  const known = new Map<string, { readonly around: readonly string[]; readonly atMs: number }>();
  return {
    find(group) {
      const entry = known.get(group);
      if (entry === undefined) return undefined;
      const ageMs = clock.nowMilliseconds() - entry.atMs;
      // A clock that was set back must not make it last longer.
      if (ageMs >= 0 && ageMs < milliseconds) return entry.around;
      known.delete(group);
      return undefined;
    },
    put(group, around) {
      known.delete(group);
      known.set(group, { around, atMs: clock.nowMilliseconds() });
      const [oldest] = known.keys();
      if (known.size > maxEntries && oldest !== undefined) known.delete(oldest);
    },
    forgetThoseIn(groups) {
      const within = [...known].filter(([, { around }]) => around.some((group) => groups.has(group)));
      for (const [member] of within) known.delete(member);
      return within.length > 0;
    },
  };
}
