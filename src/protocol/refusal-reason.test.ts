import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { type RefusalReason, refusalReasons } from './refusal-reason.ts';

const source = fileURLToPath(new URL('..', import.meta.url));

describe('refusalReasons', () => {
  it('names no reason that nothing is refused for', () => {
    const text = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !/\.test\.ts$|refusal-reason\.ts$/.test(path))
      .map((path) => readFileSync(join(source, path), 'utf8'))
      .join('\n');
    // Given by name, or picked by a function or a table that maps to reasons.
    const isGiven = (reason: string): boolean =>
      new RegExp(
        String.raw`(?:reason: |RefusalReason = |[(,?] ?|return |(?:reused|revoked): )'${reason}'`,
      ).test(text);
    const names = Object.keys(refusalReasons) as RefusalReason[];
    expect(names.filter((name) => !isGiven(name))).toEqual([]);
  });
});
