/**
 * Which grants a person has: one record for each person, so that nobody has to look at everybody's. A line is written
 * before its grant can be used, and not the other way round: there may be lines without a grant behind them, which nobody
 * is shown, but no grant that was issued and is not in the list.
 */
import { createHash } from 'node:crypto';

import { takeBatches } from '../../platform/batches.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Sealer } from '../../platform/sealing/sealer.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { personKey } from './cut-off.ts';
import { grantKey, isRevokedRecord } from './grant-record.ts';
import {
  formatListLine,
  type GrantDetails,
  type PersonGrant,
  type ListLine,
  openGrantDetails,
  parseListLine,
  sealGrantDetails,
} from './person-grant.ts';

/** Issuer of the identity provider and its subject: two providers' equal subjects are two people. */
export interface Person {
  readonly identityIssuer: string;
  readonly subject: string;
}

/** Rejects with `StoreError` when the store cannot answer. */
export interface PersonGrants {
  /** Puts a grant on its person's list. Once is enough; again changes nothing. */
  add(
    person: Person,
    grant: Pick<PersonGrant, 'grantId' | 'absoluteEnd'>,
    details: GrantDetails,
  ): Promise<void>;
  /** Those that have not reached their end, the newest first. Some may have been ended before it. */
  list(person: Person): Promise<readonly PersonGrant[]>;
  /** Takes grants off the list, which ends none of them. */
  remove(person: Person, grantIds: readonly string[]): Promise<void>;
}

export interface PersonGrantsDeps {
  readonly store: Pick<Store, 'get' | 'putIfAbsent' | 'replace'>;
  readonly clock: Clock;
  readonly sealer: Sealer;
}

type Edited = readonly ListLine[] | undefined;

/** Of more that are alive, the oldest is not listed any more. */
export const mostListed = 200;
/** Records that are looked up at a time when a list is full. */
const askedAtOnce = 20;
/** A dozen processes at once, each of which lets its own callers wait for each other. */
const maxAttempts = 48;

export function createPersonGrants({ store, clock, sealer }: PersonGrantsDeps): PersonGrants {
  const inTurn = createTurns();

  /** Undefined as the answer of `edit`: there is nothing to change. */
  async function change(
    key: string,
    edit: (lines: readonly ListLine[]) => Edited | Promise<Edited>,
  ): Promise<void> {
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const present = await store.get(key);
      const next = await edit(readLines(present));
      if (next === undefined || (await write(key, present, next))) return;
    }
    throw new StoreError('replace', undefined, 'a list of grants changed on every attempt to change it');
  }

  async function write(
    key: string,
    present: string | undefined,
    lines: readonly ListLine[],
  ): Promise<boolean> {
    const text = lines.map(formatListLine).join('\n');
    const end = Math.max(0, ...lines.map(({ absoluteEnd }) => absoluteEnd));
    // A list of nothing is kept for a minute, as its deletion could take away what came in between.
    const expiresAt = Math.max(end, clock.nowSeconds() + 60);
    // The grant's own record is written next; without that one, nobody misses this.
    if (present === undefined) return store.putIfAbsent(key, text, expiresAt, 'with-next');
    return store.replace(key, present, text, expiresAt, 'with-next');
  }

  /** Without those whose grant is over: dead lines must not push a live grant off the list. */
  async function dropDead(lines: readonly ListLine[]): Promise<readonly ListLine[]> {
    const left: ListLine[] = [];
    for (const some of takeBatches(lines, askedAtOnce)) {
      const dead = await Promise.all(some.map(({ grantId }) => isDead(grantId)));
      left.push(...some.filter((_, index) => dead[index] === false));
    }
    return left;
  }

  /** A record is there before its line is, so that one that is missing will not come any more. */
  async function isDead(grantId: string): Promise<boolean> {
    const record = await store.get(grantKey(grantId));
    return record === undefined || isRevokedRecord(record);
  }

  function readLines(stored: string | undefined): readonly ListLine[] {
    const now = clock.nowSeconds();
    return (stored ?? '')
      .split('\n')
      .flatMap((line) => parseListLine(line) ?? [])
      .filter(({ absoluteEnd }) => absoluteEnd > now);
  }

  return {
    add(person, { grantId, absoluteEnd }, details) {
      const key = listKey(person);
      return inTurn(key, () =>
        change(key, async (lines) => {
          if (lines.some((line) => line.grantId === grantId)) return undefined;
          const line = { grantId, absoluteEnd, sealed: sealGrantDetails(sealer, grantId, details) };
          const present = lines.length < mostListed ? lines : await dropDead(lines);
          return [line, ...present].slice(0, mostListed);
        }),
      );
    },
    async list(person) {
      const lines = readLines(await store.get(listKey(person)));
      return lines.map(({ grantId, absoluteEnd, sealed }) => ({
        grantId,
        absoluteEnd,
        details: openGrantDetails(sealer, grantId, sealed),
      }));
    },
    remove(person, grantIds) {
      const key = listKey(person);
      return inTurn(key, () =>
        change(key, (lines) => {
          const left = lines.filter(({ grantId }) => !grantIds.includes(grantId));
          return left.length === lines.length ? undefined : left;
        }),
      );
    },
  };
}

/** A hash: the name of a record is not to be a list of people. */
function listKey({ identityIssuer, subject }: Person): string {
  const person = personKey(identityIssuer, subject);
  return `grants_of:${createHash('sha256').update(person).digest('base64url')}`;
}

/** Lets the callers of one key wait for each other, so that they do not take the write from one another. */
function createTurns(): (key: string, work: () => Promise<void>) => Promise<void> {
  const last = new Map<string, Promise<void>>();
  return (key, work) => {
    const before = last.get(key);
    const mine = before === undefined ? work() : before.then(work, work);
    last.set(key, mine);
    const leave = (): void => {
      if (last.get(key) === mine) last.delete(key);
    };
    mine.then(leave, leave);
    return mine;
  };
}
