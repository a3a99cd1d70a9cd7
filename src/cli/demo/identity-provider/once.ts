import type { Clock } from '../../../platform/clock.ts';
import type { Random } from '../../../platform/random.ts';

/** Values kept in memory under an unguessable name, for a short while, to be taken once. */
export interface Once<Value> {
  /** Keeps the value and returns its name: 43 characters of base64url. */
  put(value: Value): string;
  /** Looks without taking. */
  find(name: string): Value | undefined;
  /** Takes the value: the second caller gets nothing. */
  take(name: string): Value | undefined;
}

/** What a process that lives for a demo may hold; beyond it the oldest goes. */
const maxEntries = 1000;

export function createOnce<Value>(deps: {
  readonly clock: Clock;
  readonly random: Random;
  readonly ttlSeconds: number;
}): Once<Value> {
  const entries = new Map<string, { readonly value: Value; readonly expiresAt: number }>();
  const find = (name: string): Value | undefined => {
    const entry = entries.get(name);
    return entry !== undefined && entry.expiresAt > deps.clock.nowSeconds() ? entry.value : undefined;
  };
  return {
    put(value) {
      const oldest = entries.keys().next();
      if (entries.size >= maxEntries && oldest.done !== true) entries.delete(oldest.value);
      const name = deps.random.token(32);
      entries.set(name, { value, expiresAt: deps.clock.nowSeconds() + deps.ttlSeconds });
      return name;
    },
    find,
    take(name) {
      const value = find(name);
      entries.delete(name);
      return value;
    },
  };
}
