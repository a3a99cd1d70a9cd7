/** Does the work if there is a place for it, and `whenFull` otherwise. A place is free again when the work has ended. */
export interface Places {
  <T>(work: () => Promise<T>, whenFull: () => T): Promise<T>;
  taken(): number;
}

/** Rechecks under way at one provider, per process. */
export const mostQuestions = 64;

/** So many at once and no more: a peer that is slow must not fill us with those who wait for it. */
export function createPlaces(most: number): Places {
  let taken = 0;
  async function inPlace<T>(work: () => Promise<T>, whenFull: () => T): Promise<T> {
    if (taken >= most) return whenFull();
    taken += 1;
    try {
      return await work();
    } finally {
      taken -= 1;
    }
  }

  return Object.assign(inPlace, { taken: () => taken });
}
