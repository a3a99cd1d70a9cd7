import type { Clock } from '../../platform/clock.ts';
import type { Tagger } from '../../platform/sealing/tagger.ts';

/** Nonces that proofs have to name, where they have to: who has a key today cannot sign for next week (RFC 9449 §8, §9). */
export interface ProofNonces {
  /** What a proof that is made now has to name. */
  readonly current: () => string;
  /** `aging`: good for the last time soon; whoever named it is told the next one. Never throws. */
  judge(nonce: unknown): 'good' | 'aging' | 'bad';
}

/** Each minute has a nonce of its own. It is good in the minute that follows, too, and nowhere near a minute before. */
export const nonceSeconds = 60;

const form = /^([0-9a-z]{1,9})\.([A-Za-z0-9_-]+)$/;

/**
 * One nonce for everybody in each minute, the same in every process: the minute and a tag of it. Nothing is kept, and
 * none can be made in advance without the key that seals tokens.
 */
export function createProofNonces({
  tagger,
  clock,
}: {
  readonly tagger: Tagger;
  readonly clock: Pick<Clock, 'nowSeconds'>;
}): ProofNonces {
  const minuteNow = (): number => Math.floor(clock.nowSeconds() / nonceSeconds);

  return {
    current() {
      const minute = minuteNow().toString(36);
      return `${minute}.${tagger.tag(minute)}`;
    },
    judge(nonce) {
      const [, minute = '', tag = ''] = (typeof nonce === 'string' && form.exec(nonce)) || [];
      // Another process may be a moment ahead. Cheap, and before any key is touched.
      const age = minuteNow() - Number.parseInt(minute, 36);
      if (!(age >= -1 && age <= 1) || !tagger.verify(minute, tag)) return 'bad';
      return age === 1 ? 'aging' : 'good';
    },
  };
}
