import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import type { Tagger } from '../../platform/sealing/tagger.ts';
import { createProofNonces, nonceSeconds, type ProofNonces } from './nonces.ts';

/** Says of every text that it is this deployment's. */
const tagOf = (secret: string): Tagger => ({
  tag: (text) => `${secret}-${text}`,
  verify: (text, tag) => tag === `${secret}-${text}`,
});

let clock: FakeClock;
let nonces: ProofNonces;

beforeEach(() => {
  // The first moment of a minute.
  clock = new FakeClock(1_700_000_040_000);
  nonces = createProofNonces({ tagger: tagOf('ours'), clock });
});

describe('nonces for proofs', () => {
  it('are the same for everybody in a minute, and another in the next', () => {
    const first = nonces.current();
    clock.advance(nonceSeconds - 1);
    expect(nonces.current()).toBe(first);
    clock.advance(1);
    expect(nonces.current()).not.toBe(first);
  });

  it('are good in their minute, aging in the next, and bad after that', () => {
    const nonce = nonces.current();
    const verdicts = [0, nonceSeconds - 1, 1, nonceSeconds - 1, 1, 3600].map((seconds) => {
      clock.advance(seconds);
      return nonces.judge(nonce);
    });
    expect(verdicts).toEqual(['good', 'good', 'aging', 'aging', 'bad', 'bad']);
  });

  it('of a process whose clock is ahead by a moment are good, and of one that is far ahead are not', () => {
    clock.advance(nonceSeconds);
    const ahead = nonces.current();
    clock.advance(nonceSeconds);
    const farAhead = nonces.current();
    clock.advance(-2 * nonceSeconds);
    expect([nonces.judge(ahead), nonces.judge(farAhead)]).toEqual(['good', 'bad']);
  });

  it('of another deployment are bad', () => {
    const theirs = createProofNonces({ tagger: tagOf('theirs'), clock });
    expect(nonces.judge(theirs.current())).toBe('bad');
  });

  it.each([undefined, null, 7, '', '.', 'x', [], {}])('calls %j bad', (value) => {
    expect(nonces.judge(value)).toBe('bad');
  });

  it('calls another spelling of a good one bad', () => {
    const [minute = '', tag = ''] = nonces.current().split('.');
    const spellings = [`0${minute}.${tag}`, `${minute.toUpperCase()}.${tag}`, `${minute}..${tag}`];
    for (const spelling of [...spellings, ` ${minute}.${tag}`, `${minute}.${tag}\n`, minute, tag]) {
      expect(nonces.judge(spelling), spelling).toBe('bad');
    }
  });
});
