export interface SealCounter {
  /** Counts one more value sealed with this key; the count so far. */
  count(key: string): number;
}

/**
 * NIST SP 800-38D §8.3 allows 2^32 random nonces under one key. This is a sixteenth of it: sixteen processes may share
 * a key, and there is time left to rotate it.
 */
const defaultAlarmAt = 2 ** 28;

/** Counts the seals of this process by key, and says once of each key that it was used too often. */
export function createSealCounter(deps: {
  readonly onHigh: (key: string, seals: number) => void;
  readonly alarmAt?: number;
}): SealCounter {
  const alarmAt = deps.alarmAt ?? defaultAlarmAt;
  const counts = new Map<string, number>();
  return {
    count(key) {
      const seals = (counts.get(key) ?? 0) + 1;
      counts.set(key, seals);
      if (seals === alarmAt) deps.onHigh(key, seals);
      return seals;
    },
  };
}
