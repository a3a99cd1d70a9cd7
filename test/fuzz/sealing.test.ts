import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { createSealer, type SealPurpose } from '../../src/platform/sealing/sealer.ts';

const names = ['client', 'code', 'access', 'refresh', 'consent'] as const;
const purposes: readonly SealPurpose[] = names.map((name) => ({
  name,
  prefix: `mgh_${name}_`,
  maxLength: 65_536,
}));
const purpose = fc.constantFrom(...purposes);
/** Any text but lone surrogates, which have no UTF-8 form and which JSON.stringify never writes. */
const text = fc.string({ unit: 'binary', maxLength: 400 });
const secret = fc.string({ unit: 'grapheme-ascii', minLength: 32, maxLength: 64 });
const context = fc.webUrl();

function create(secrets: readonly string[], where: string) {
  return createSealer({ secrets: secrets as [string, ...string[]], context: where, random: systemRandom });
}

describe('seal and open', () => {
  it('are inverse for every text, secret and deployment', () => {
    fc.assert(
      fc.property(purpose, text, secret, context, (kind, plaintext, key, where) => {
        const sealer = create([key], where);
        expect(sealer.open(kind, sealer.seal(kind, plaintext))).toBe(plaintext);
      }),
      { numRuns: 500 },
    );
  });

  it('open for nobody else: other purpose, other secret, other deployment', () => {
    const two = fc.uniqueArray(secret, { minLength: 2, maxLength: 2 });
    const places = fc.uniqueArray(context, { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(
        purpose,
        purpose,
        text,
        two,
        places,
        (kind, other, plaintext, [mine, theirs], [here, there]) => {
          const token = create([mine as string], here as string).seal(kind, plaintext);
          expect(create([theirs as string], here as string).open(kind, token)).toBeUndefined();
          expect(create([mine as string], there as string).open(kind, token)).toBeUndefined();
          if (other === kind) return;
          const swapped = other.prefix + token.slice(kind.prefix.length);
          expect(create([mine as string], here as string).open(other, swapped)).toBeUndefined();
        },
      ),
      { numRuns: 500 },
    );
  });

  it('never open a token that was changed, however', () => {
    const sealer = create(['a secret of at least thirty-two bytes'], 'https://gatehouse.test');
    const alphabet = Array.from('ABCXYZabcxyz0189-_+/=. \n\0é');
    const edit = fc.record({
      at: fc.nat(),
      drop: fc.nat({ max: 24 }),
      insert: fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 24 }),
    });
    fc.assert(
      fc.property(purpose, text, fc.array(edit, { minLength: 1, maxLength: 4 }), (kind, plaintext, edits) => {
        const token = sealer.seal(kind, plaintext);
        const changed = edits.reduce((current, { at, drop, insert }) => {
          const start = at % (current.length + 1);
          return current.slice(0, start) + insert + current.slice(start + drop);
        }, token);
        fc.pre(changed !== token);
        expect(sealer.open(kind, changed)).toBeUndefined();
      }),
      { numRuns: 5000 },
    );
  });

  it('never open bytes that nobody sealed', () => {
    const sealer = create(['a secret of at least thirty-two bytes'], 'https://gatehouse.test');
    const token = sealer.seal(purposes[0] as SealPurpose, 'x');
    const header = Buffer.from(token.slice('mgh_client_'.length), 'base64url').subarray(0, 5);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, withHeader) => {
        const body = withHeader ? Buffer.concat([header, bytes]) : Buffer.from(bytes);
        expect(
          sealer.open(purposes[0] as SealPurpose, `mgh_client_${body.toString('base64url')}`),
        ).toBeUndefined();
      }),
      { numRuns: 5000 },
    );
  });
});
