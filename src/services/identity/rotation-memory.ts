import { createHash } from 'node:crypto';

import type { Clock } from '../../platform/clock.ts';
import type { Recheck, RecheckRequest } from './identity-provider.ts';

export interface RotationMemory {
  answer(request: RecheckRequest, ask: () => Promise<Recheck>): Promise<Recheck>;
}

const keepMilliseconds = 60_000;
const maxAnswers = 1_000;

interface Kept {
  readonly answer: Recheck;
  readonly untilMs: number;
}

/**
 * Remembers for a minute what the provider answered to a refresh token that it replaced. If that could not be written
 * down (the store was away), the client comes again with the same token of ours, and so we with a token that the
 * provider takes for stolen when it sees it twice. A provider that keeps its token is asked every time.
 */
export function createRotationMemory(clock: Clock): RotationMemory {
  const kept = new Map<string, Kept>();

  function find(key: string): Recheck | undefined {
    const found = kept.get(key);
    return found !== undefined && clock.nowMilliseconds() < found.untilMs ? found.answer : undefined;
  }

  function keep(key: string, answer: Recheck): void {
    const now = clock.nowMilliseconds();
    for (const [old, { untilMs }] of kept) {
      // In the order they came, which is the order they run out.
      if (untilMs > now && kept.size < maxAnswers) break;
      kept.delete(old);
    }
    kept.set(key, { answer, untilMs: now + keepMilliseconds });
  }

  return {
    async answer(request, ask) {
      const key = createHash('sha256').update(request.refreshToken).digest('base64url');
      const remembered = find(key);
      if (remembered !== undefined) return remembered;
      const answer = await ask();
      if (answer.outcome === 'present' && answer.refreshToken !== request.refreshToken) keep(key, answer);
      return answer;
    },
  };
}
