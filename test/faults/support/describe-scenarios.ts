import { describe, expect, it } from 'vitest';

import { hasRedis } from '../../support/redis.ts';
import type { Scenario } from './scenario.ts';
import { chooseSeed } from './seeded-random.ts';

const limitMilliseconds = 120_000;

/** The short form of scenarios: the same faults and promises as `npm run faults`, with counts of seconds. */
export function describeScenarios(
  name: string,
  cases: ReadonlyArray<readonly [outcome: string, scenario: Scenario]>,
  needsRedis = true,
): void {
  describe.runIf(!needsRedis || hasRedis)(name, () => {
    it.each(cases)(
      '%s',
      async (outcome, scenario) => {
        const seed = chooseSeed();
        const { problems, figures } = await scenario({ scale: 'short', seed });
        const told = Object.entries(figures).map(([figure, value]) => `${figure} ${value}`);
        console.info(`FAULT_SEED=${seed} ${outcome}: ${told.join(', ')}`);
        expect(problems, `FAULT_SEED=${seed}`).toEqual([]);
      },
      limitMilliseconds,
    );
  });
}
