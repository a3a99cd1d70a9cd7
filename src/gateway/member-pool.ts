import type { Mount } from './mount.ts';

/** The mounts of a family that are open, by their labels: so many at most, but for those with calls under way. */
export interface MemberPool<Member> {
  /** The one of a label, opened if it is not. */
  open(label: string): Member;
  /** Somebody who may has called the one of this label. */
  prove(label: string): void;
  /** Closes those of all other labels as soon as their calls are over. */
  keep(isWanted: (label: string) => boolean): void;
  /** Those that are open, and those that are not closed yet. */
  all(): readonly Member[];
  /** Tells once when none is open any more, never within this call. */
  awaitNone(tell: () => void): void;
}

type Life = Pick<Mount, 'isBusy' | 'retire' | 'close'>;

export interface MemberLimits {
  /** Labels at which somebody has been let in. */
  readonly proven: number;
  /** Labels that anybody may have made up. */
  readonly fresh: number;
}

const usualLimits: MemberLimits = { proven: 1_000, fresh: 64 };

/** At how many an opening looks: who holds many busy must not make each further one dearer. */
const maxLooks = 64;

interface Entry<Member> {
  readonly member: Member;
  /** Since it was last passed over. */
  isUsed: boolean;
}

/** @param openMember throws nothing: what it may refuse was found out with the family */
export function createMemberPool<Member extends Life>(
  openMember: (label: string) => Member,
  limits: MemberLimits = usualLimits,
): MemberPool<Member> {
  const proven = new Map<string, Entry<Member>>();
  const fresh = new Map<string, Entry<Member>>();
  const leaving = new Set<Member>();
  let onNone: (() => void) | undefined;

  /**
   * Goes round from the front; those that were used lately are passed over once, while there is another one among those it
   * looks at. When all of these are busy, there is one more: the next one goes on where this one ended.
   */
  function makeRoom(entries: Map<string, Entry<Member>>, most: number): void {
    let left = Math.min(2 * entries.size, maxLooks);
    let spare: string | undefined;
    for (const [label, entry] of entries) {
      if (entries.size < most) return;
      if (left === 0) break;
      left -= 1;
      const isBusy = entry.member.isBusy();
      if (isBusy || entry.isUsed) {
        if (!isBusy) spare ??= label;
        entry.isUsed = false;
        entries.delete(label);
        entries.set(label, entry);
      } else {
        dismiss(entries, label, entry);
      }
    }
    const last = spare === undefined ? undefined : entries.get(spare);
    if (spare !== undefined && last !== undefined && entries.size >= most) dismiss(entries, spare, last);
  }

  function dismiss(entries: Map<string, Entry<Member>>, label: string, { member }: Entry<Member>): void {
    entries.delete(label);
    retire(member);
  }

  function retire(member: Member): void {
    leaving.add(member);
    member.retire(() => {
      leaving.delete(member);
      member.close();
      tellOfNone();
    });
  }

  function tellOfNone(): void {
    if (onNone === undefined || leaving.size > 0) return;
    setImmediate(onNone);
    onNone = undefined;
  }

  return {
    open(label) {
      const known = proven.get(label) ?? fresh.get(label);
      if (known !== undefined) {
        known.isUsed = true;
        return known.member;
      }
      makeRoom(fresh, limits.fresh);
      const member = openMember(label);
      fresh.set(label, { member, isUsed: false });
      return member;
    },
    prove(label) {
      const entry = fresh.get(label);
      if (entry === undefined) return;
      fresh.delete(label);
      makeRoom(proven, limits.proven);
      proven.set(label, entry);
    },
    keep(isWanted) {
      for (const entries of [proven, fresh]) {
        for (const [label, entry] of entries) {
          if (!isWanted(label)) dismiss(entries, label, entry);
        }
      }
    },
    all: () => [...[...proven.values(), ...fresh.values()].map(({ member }) => member), ...leaving],
    awaitNone(tell) {
      onNone = tell;
      tellOfNone();
    },
  };
}
