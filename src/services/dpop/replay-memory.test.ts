import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { proofWindowSeconds } from './proof.ts';
import { createReplayMemory } from './replay-memory.ts';

describe('the memory of used proofs', () => {
  it('takes each once, for as long as it could be good', () => {
    const clock = new FakeClock();
    const memory = createReplayMemory({ clock });
    expect(memory.claim('early')).toBe('first');
    for (let second = 0; second <= 2 * proofWindowSeconds; second += 1) {
      if (second === 100) expect(memory.claim('late')).toBe('first');
      expect(memory.claim('early')).toBe('again');
      if (second >= 100) expect(memory.claim('late')).toBe('again');
      clock.advance(1);
    }
    for (let second = 0; second < 100; second += 1) {
      expect(memory.claim('late')).toBe('again');
      clock.advance(1);
    }
  });

  it('forgets what is over, after any silence', () => {
    const clock = new FakeClock();
    const memory = createReplayMemory({ clock, maxEntries: 2 });
    for (const round of ['a', 'b', 'c']) {
      expect(memory.claim(`${round}1`)).toBe('first');
      expect(memory.claim(`${round}2`)).toBe('first');
      clock.advance(1000);
    }
    expect(memory.claim('a1')).toBe('first');
  });

  it('pushes none out for another: when it is full, the next has to wait', () => {
    const clock = new FakeClock();
    const memory = createReplayMemory({ clock, maxEntries: 2 });
    memory.claim('one');
    memory.claim('two');
    expect(memory.claim('three')).toBe('full');
    expect(memory.claim('one')).toBe('again');
    clock.advance(2 * proofWindowSeconds + 2);
    expect(memory.claim('three')).toBe('first');
    expect(memory.claim('one')).toBe('again');
  });
});
