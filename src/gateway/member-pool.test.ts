import { setImmediate as turn } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { createMemberPool } from './member-pool.ts';

/** A mount that is busy when told so. */
class FakeMount {
  readonly label: string;
  calls = 0;
  isClosed = false;
  #onOver: (() => void) | undefined;

  constructor(label: string) {
    this.label = label;
  }

  isBusy(): boolean {
    return this.calls > 0;
  }

  begin(): void {
    this.calls += 1;
  }

  end(): void {
    this.calls -= 1;
    this.#check();
  }

  retire(onOver: () => void): void {
    this.#onOver = onOver;
    this.#check();
  }

  close(): void {
    expect(this.calls).toBe(0);
    this.isClosed = true;
  }

  #check(): void {
    if (this.calls === 0 && this.#onOver !== undefined) setImmediate(this.#onOver);
  }
}

function openPool(proven: number, fresh: number) {
  const opened: FakeMount[] = [];
  const pool = createMemberPool<FakeMount>(
    (label) => {
      const mount = new FakeMount(label);
      opened.push(mount);
      return mount;
    },
    { proven, fresh },
  );
  /** Somebody with a token calls, and the call is over. */
  const use = (label: string): FakeMount => {
    const mount = pool.open(label);
    mount.begin();
    pool.prove(label);
    mount.end();
    return mount;
  };
  return { pool, opened, use };
}

const labels = (mounts: readonly FakeMount[]): readonly string[] => mounts.map(({ label }) => label);

describe('the open mounts of a family', () => {
  it('are one for each label', () => {
    const { pool, opened } = openPool(2, 2);
    expect(pool.open('a')).toBe(pool.open('a'));
    expect(pool.open('b')).not.toBe(pool.open('a'));
    expect(labels(opened)).toEqual(['a', 'b']);
  });

  it('are few of those that nobody was let in at, and strangers displace no other', async () => {
    const { pool, opened, use } = openPool(3, 2);
    const used = ['a', 'b', 'c'].map(use);
    for (let at = 0; at < 500; at += 1) pool.open(`made-up-${at}`);
    await turn();

    expect(used.map(({ label }) => pool.open(label))).toEqual(used);
    expect(labels(pool.all())).toEqual(['a', 'b', 'c', 'made-up-498', 'made-up-499']);
    expect(opened.filter(({ isClosed }) => isClosed)).toHaveLength(498);
  });

  it('are so many at most, of which the one that was not used lately goes first', async () => {
    const { pool, use } = openPool(3, 2);
    const [a, b] = ['a', 'b', 'c'].map(use);
    pool.open('a');
    use('d');
    await turn();

    expect(labels(pool.all())).toEqual(['c', 'a', 'd']);
    expect([a?.isClosed, b?.isClosed]).toEqual([false, true]);
  });

  it('never lose one with calls under way: there is one more then, until there is none', async () => {
    const { pool, use } = openPool(2, 1);
    const busy = ['a', 'b', 'c'].map((label) => {
      const mount = use(label);
      mount.begin();
      return mount;
    });
    expect(labels(pool.all()).toSorted()).toEqual(['a', 'b', 'c']);
    const stranger = pool.open('made-up');
    stranger.begin();
    pool.open('another');
    expect(pool.open('made-up')).toBe(stranger);

    for (const mount of [...busy, stranger]) mount.end();
    use('d');
    await turn();
    expect(pool.all().length).toBeLessThanOrEqual(3);
  });

  it('keep the number of those that are not busy, also when all were used lately', async () => {
    const { pool, use } = openPool(200, 2);
    const known = Array.from({ length: 200 }, (_, at) => `label-${at}`);
    for (const label of known) use(label);
    for (let times = 0; times < 20; times += 1) {
      for (const label of labels(pool.all())) pool.open(label);
      use(`further-${times}`);
      await turn();
    }

    expect(pool.all()).toHaveLength(200);
  });

  it('end with their calls when their label goes, and are opened anew when it comes back', async () => {
    const { pool, use } = openPool(2, 2);
    const [a, b] = [use('a'), use('b')];
    a.begin();
    pool.keep((label) => label !== 'a');
    await turn();
    expect([a.isClosed, pool.all()]).toEqual([false, [b, a]]);
    expect(pool.open('a')).not.toBe(a);
    a.end();
    await turn();
    await turn();
    expect(a.isClosed).toBe(true);
  });

  it('tell when none is left', async () => {
    const { pool, use } = openPool(2, 2);
    const a = use('a');
    a.begin();
    let told = 0;
    pool.keep(() => false);
    pool.awaitNone(() => (told += 1));
    await turn();
    expect(told).toBe(0);
    a.end();
    for (let at = 0; at < 4; at += 1) await turn();
    expect([told, a.isClosed]).toEqual([1, true]);
  });

  it('tell so when there never was one, and not at once', async () => {
    const { pool } = openPool(2, 2);
    let told = 0;
    pool.awaitNone(() => (told += 1));
    expect(told).toBe(0);
    await turn();
    expect(told).toBe(1);
  });
});
