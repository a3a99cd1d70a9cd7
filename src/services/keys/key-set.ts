/**
 * The keys of a deployment and the rules by which they follow one another. Pure: what the key file says, what a
 * command makes of it. A key is announced before it seals, so that every replica can open what it seals.
 */
import type { EpochSeconds } from '../../platform/clock.ts';
import { type KeySchedule, type KeyState, stateAt } from '../../platform/sealing/keyring.ts';
import { findKeyId } from '../../platform/sealing/sealing-key.ts';
import { KeySetError } from './key-set-error.ts';

/** One key as the key file has it. The state is that of the moment it was written; the moments go on from there. */
export interface KeyEntry {
  /** Eight hexadecimal digits, derived from the secret. */
  readonly id: string;
  /** Gone once the key is destroyed. */
  readonly secret: string | undefined;
  readonly state: KeyState;
  readonly createdAt: EpochSeconds;
  readonly activateAt: EpochSeconds | undefined;
  readonly retireAt: EpochSeconds | undefined;
  readonly destroyAt: EpochSeconds | undefined;
}

export function createKey(secret: string, now: EpochSeconds): KeyEntry {
  return {
    id: findKeyId(secret),
    secret,
    state: 'active',
    createdAt: now,
    activateAt: undefined,
    retireAt: undefined,
    destroyAt: undefined,
  };
}

/** What the keyring is to do with the keys; the destroyed ones are not among them. */
export function scheduleKeys(entries: readonly KeyEntry[]): readonly KeySchedule[] {
  return entries.flatMap((entry) =>
    entry.secret === undefined ? [] : [{ secret: entry.secret, ...momentsOf(entry) }],
  );
}

export function keyStateAt(entry: KeyEntry, now: EpochSeconds): KeyState {
  return stateAt(momentsOf(entry), now);
}

/** Refuses keys of which at some moment from now on none, or more than one, would seal.   @throws KeySetError */
export function checkSuccession(entries: readonly KeyEntry[], now: EpochSeconds): void {
  const moments = entries
    .flatMap(({ activateAt, retireAt, destroyAt }) => [activateAt, retireAt, destroyAt])
    .filter((moment) => moment !== undefined && moment > now);
  for (const moment of [now, ...moments]) {
    const active = entries.filter((entry) => keyStateAt(entry, moment ?? now) === 'active').length;
    if (active === 1) continue;
    throw new KeySetError('succession', `has ${active} active keys at some moment from now on`, {
      fix: 'let exactly one key be active at any time; gatehouse keys status shows them',
    });
  }
}

/**
 * Announces a key that takes over at a moment; the one before it then only opens, until `destroyAt`, if that is given.
 * @throws KeySetError when a change of keys is under way already
 */
export function announceKey(
  entries: readonly KeyEntry[],
  change: {
    readonly secret: string;
    readonly now: EpochSeconds;
    readonly activateAt: EpochSeconds;
    readonly destroyAt: EpochSeconds | undefined;
  },
): readonly KeyEntry[] {
  const { now, activateAt, destroyAt } = change;
  const settled = settleKeys(entries, now);
  if (settled.some(({ state }) => state === 'announced')) {
    throw new KeySetError('succession', 'has an announced key already', {
      fix: 'wait until it is active, or take it back with: gatehouse keys destroy',
    });
  }
  const next: KeyEntry = { ...createKey(change.secret, now), state: 'announced', activateAt };
  return [
    ...settled.map((entry) =>
      entry.state === 'active' ? { ...entry, retireAt: activateAt, destroyAt } : entry,
    ),
    next,
  ];
}

/**
 * Destroys a key at once and forgets its secret. When it was the active one, the announced key takes over at once, else
 * a new key of `newSecret`. When it was announced, the active one goes on.
 * @throws KeySetError when there is no such key
 */
export function destroyKey(
  entries: readonly KeyEntry[],
  id: string,
  change: { readonly now: EpochSeconds; readonly newSecret: string },
): readonly KeyEntry[] {
  const { now, newSecret } = change;
  const settled = settleKeys(entries, now);
  const doomed = settled.find((entry) => entry.id === id);
  if (doomed === undefined) {
    throw new KeySetError('unknown_key', 'has no key of that id', {
      fix: 'gatehouse keys status shows the ids',
    });
  }
  if (doomed.state === 'destroyed') return settled;
  const left = settled.map((entry) => (entry === doomed ? bury({ ...entry, destroyAt: now }) : entry));
  const hasSuccessor = left.some(({ state }) => state === 'announced');
  if (doomed.state === 'announced')
    return left.map((entry) => (entry.state === 'active' ? goOn(entry) : entry));
  if (doomed.state !== 'active') return left;
  if (!hasSuccessor) return [...left, { ...createKey(newSecret, now), activateAt: now }];
  return left.map((entry) =>
    entry.state === 'announced' ? { ...entry, state: 'active' as const, activateAt: now } : entry,
  );
}

/** The keys with the states they have come to. What was destroyed by time loses its secret. */
export function settleKeys(entries: readonly KeyEntry[], now: EpochSeconds): readonly KeyEntry[] {
  return entries.map((entry) => {
    const state = keyStateAt(entry, now);
    return state === 'destroyed' ? bury(entry) : { ...entry, state };
  });
}

function bury(entry: KeyEntry): KeyEntry {
  return { ...entry, state: 'destroyed', secret: undefined };
}

function goOn(entry: KeyEntry): KeyEntry {
  return { ...entry, retireAt: undefined, destroyAt: undefined };
}

function momentsOf(entry: KeyEntry): Omit<KeySchedule, 'secret'> {
  return {
    sealsFrom: entry.state === 'announced' ? (entry.activateAt ?? Infinity) : -Infinity,
    sealsUntil: entry.state === 'retiring' ? -Infinity : (entry.retireAt ?? Infinity),
    opensUntil: entry.state === 'destroyed' ? -Infinity : (entry.destroyAt ?? Infinity),
  };
}
