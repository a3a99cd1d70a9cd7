import type { Clock, EpochSeconds } from '../clock.ts';
import { createSealingKey, keyIdBytes, type SealingKey } from './sealing-key.ts';

/**
 * announced: opens, and does not seal yet · active: seals and opens, exactly one at any time · retiring: opens what it
 * sealed · destroyed: opens nothing ever again.
 */
export type KeyState = 'announced' | 'active' | 'retiring' | 'destroyed';

/** What a key does, and when. Moments are judged by each process's clock, so that all of them change over together. */
export interface KeySchedule {
  readonly secret: string;
  /** `-Infinity`: it always did. */
  readonly sealsFrom: EpochSeconds;
  /** `Infinity`: nobody has said when it stops. */
  readonly sealsUntil: EpochSeconds;
  readonly opensUntil: EpochSeconds;
}

/** The keys that open at one moment, and the one of them that seals. */
export interface KeysInForce {
  /** Changes with every change of a key's state: what was opened under another generation has to be opened again. */
  readonly generation: number;
  readonly states: ReadonlyMap<string, KeyState>;
  /** The key that seals. Undefined: every key has ended. */
  readonly active: SealingKey | undefined;
  /** The key that a sealed value names at `offset`. Never another in its place. */
  find(sealed: Buffer, offset: number): SealingKey | undefined;
}

/** The keys of one process, as they change with time and with every new set. */
export interface Keyring {
  current(): KeysInForce;
  replace(schedules: readonly KeySchedule[]): void;
}

export interface KeyringDeps {
  readonly clock: Pick<Clock, 'nowSeconds'>;
  /** Told of each key whose state changed after the start, the ones that disappeared as destroyed. */
  readonly onStateChange?: (key: string, state: KeyState) => void;
}

interface ScheduledKey extends KeySchedule {
  readonly key: SealingKey;
}

export function createKeyring(schedules: readonly KeySchedule[], deps: KeyringDeps): Keyring {
  let keys = schedules.map(derive);
  let boundaries = listBoundaries(keys);
  const start = deps.clock.nowSeconds();
  let inForce = judge(keys, start, 0);
  let [from, until] = surround(boundaries, start);

  function settle(now: EpochSeconds): void {
    const before = inForce.states;
    [from, until] = surround(boundaries, now);
    const next = judge(keys, now, inForce.generation + 1);
    const changes = compare(before, next.states);
    if (changes.length === 0) return;
    inForce = next;
    for (const [key, state] of changes) deps.onStateChange?.(key, state);
  }

  return {
    current() {
      const now = deps.clock.nowSeconds();
      // Asked for every seal and open: the states are worked out anew only when the clock passed one of the moments.
      if (now < from || now >= until) settle(now);
      return inForce;
    },
    replace(next) {
      keys = next.map(derive);
      boundaries = listBoundaries(keys);
      settle(deps.clock.nowSeconds());
    },
  };
}

/** Secrets without moments: the first seals, all of them open. */
export function scheduleSecrets(secrets: readonly [string, ...string[]]): readonly KeySchedule[] {
  return secrets.map((secret, index) => ({
    secret,
    sealsFrom: -Infinity,
    sealsUntil: index === 0 ? Infinity : -Infinity,
    opensUntil: Infinity,
  }));
}

/** The state of a key at a moment. */
export function stateAt(schedule: Omit<KeySchedule, 'secret'>, now: EpochSeconds): KeyState {
  if (now >= schedule.opensUntil) return 'destroyed';
  if (now >= schedule.sealsUntil) return 'retiring';
  return now >= schedule.sealsFrom ? 'active' : 'announced';
}

function derive(schedule: KeySchedule): ScheduledKey {
  return { ...schedule, key: createSealingKey(schedule.secret) };
}

function judge(keys: readonly ScheduledKey[], now: EpochSeconds, generation: number): KeysInForce {
  const opening = keys.filter((key) => stateAt(key, now) !== 'destroyed');
  const active = findActive(opening, now);
  // Backwards: should two secrets ever make one id, the first one has it.
  const states = new Map(
    keys
      .toReversed()
      .map((key) => [key.key.id, key === active ? 'active' : passiveStateAt(key, now)] as const),
  );
  const byId = new Map(opening.toReversed().map(({ key }) => [key.idBytes.readUInt32BE(0), key]));
  return {
    generation,
    states,
    active: active?.key,
    find: (sealed, offset) => byId.get(sealed.readUIntBE(offset, keyIdBytes)),
  };
}

/** The key activated last. While the clock is before all of them (it jumped back), the one that comes first. */
function findActive(opening: readonly ScheduledKey[], now: EpochSeconds): ScheduledKey | undefined {
  const active = opening.filter((key) => stateAt(key, now) === 'active');
  if (active.length > 0) return active.reduce((last, key) => (key.sealsFrom > last.sealsFrom ? key : last));
  return opening
    .filter((key) => now < key.sealsUntil)
    .reduce<ScheduledKey | undefined>(
      (first, key) => (first !== undefined && first.sealsFrom <= key.sealsFrom ? first : key),
      undefined,
    );
}

/** Two keys may be past their activation; the older one then only opens. */
function passiveStateAt(key: ScheduledKey, now: EpochSeconds): KeyState {
  const state = stateAt(key, now);
  return state === 'active' ? 'retiring' : state;
}

function listBoundaries(keys: readonly ScheduledKey[]): readonly EpochSeconds[] {
  return keys.flatMap(({ sealsFrom, sealsUntil, opensUntil }) => [sealsFrom, sealsUntil, opensUntil]);
}

/** The moments between which nothing changes. */
function surround(
  boundaries: readonly EpochSeconds[],
  now: EpochSeconds,
): [from: EpochSeconds, until: EpochSeconds] {
  const past = boundaries.filter((boundary) => boundary <= now);
  const future = boundaries.filter((boundary) => boundary > now);
  return [Math.max(-Infinity, ...past), Math.min(Infinity, ...future)];
}

function compare(
  before: ReadonlyMap<string, KeyState>,
  after: ReadonlyMap<string, KeyState>,
): ReadonlyArray<readonly [string, KeyState]> {
  const gone = [...before].filter(([key, state]) => state !== 'destroyed' && !after.has(key));
  return [
    ...[...after].filter(([key, state]) => before.get(key) !== state),
    ...gone.map(([key]) => [key, 'destroyed'] as const),
  ];
}
