import { describe, expect, it } from 'vitest';

import { createSubjectConcurrency } from './subject-concurrency.ts';

describe('createSubjectConcurrency', () => {
  it('gives out as many places as the cap says, to each subject', () => {
    const concurrency = createSubjectConcurrency(2);
    expect(concurrency.acquire('alice')).toBeTypeOf('function');
    expect(concurrency.acquire('alice')).toBeTypeOf('function');
    expect(concurrency.acquire('alice')).toBeUndefined();
    expect(concurrency.acquire('bob')).toBeTypeOf('function');
  });

  it('gives a place out again once it is released', () => {
    const concurrency = createSubjectConcurrency(1);
    const release = concurrency.acquire('alice');
    release?.();
    expect(concurrency.acquire('alice')).toBeTypeOf('function');
    expect(concurrency.acquire('alice')).toBeUndefined();
  });

  it('takes a place back once only', () => {
    const concurrency = createSubjectConcurrency(2);
    const release = concurrency.acquire('alice');
    concurrency.acquire('alice');
    release?.();
    release?.();
    expect(concurrency.acquire('alice')).toBeTypeOf('function');
    expect(concurrency.acquire('alice')).toBeUndefined();
  });

  it('has no limit with a cap of 0', () => {
    const concurrency = createSubjectConcurrency(0);
    for (let call = 0; call < 100; call += 1) expect(concurrency.acquire('alice')).toBeTypeOf('function');
  });
});
