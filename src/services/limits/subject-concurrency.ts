/** Gives the place back. Calling it again does nothing. */
type Release = () => void;

/** How many calls one person has under way in this process. */
export interface SubjectConcurrency {
  /** A place for one more call of this subject, or undefined when all are taken. */
  acquire(subject: string): Release | undefined;
}

/** `cap` calls at a time for each subject; 0: no limit. */
export function createSubjectConcurrency(cap: number): SubjectConcurrency {
  const underWay = new Map<string, number>();

  function release(subject: string): void {
    const left = (underWay.get(subject) ?? 1) - 1;
    if (left === 0) underWay.delete(subject);
    else underWay.set(subject, left);
  }

  return {
    acquire(subject) {
      if (cap === 0) return () => {};
      const present = underWay.get(subject) ?? 0;
      if (present >= cap) return undefined;
      underWay.set(subject, present + 1);
      let held = true;
      return () => {
        // A call can end more than once (client gone, then upstream gone); its place is only one.
        if (held) release(subject);
        held = false;
      };
    },
  };
}
