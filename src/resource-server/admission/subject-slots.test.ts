import { describe, expect, it } from 'vitest';

import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { createSubjectSlots } from './subject-slots.ts';

function grantOf(subject: string, identityIssuer = 'https://idp.test'): GrantTerms {
  return {
    grantId: 'g',
    identityIssuer,
    subject,
    email: undefined,
    name: undefined,
    groups: [],
    client: 'c' as GrantTerms['client'],
    resource: 'r',
    scope: [],
    grantedAt: 0,
    absoluteEnd: 0,
  };
}

describe('subject slots', () => {
  it('gives out so many places per person and no more', () => {
    const slots = createSubjectSlots(2);
    const first = slots.take(grantOf('alice'));
    expect(first).toBeDefined();
    expect(slots.take(grantOf('alice'))).toBeDefined();
    expect(slots.take(grantOf('alice'))).toBeUndefined();
    expect(slots.take(grantOf('bob'))).toBeDefined();
    expect(slots.take(grantOf('alice', 'https://other.test'))).toBeDefined();
    first?.();
    expect(slots.take(grantOf('alice'))).toBeDefined();
  });

  it('takes a place back once, however often it is given', () => {
    const slots = createSubjectSlots(1);
    const release = slots.take(grantOf('alice'));
    release?.();
    release?.();
    expect(slots.take(grantOf('alice'))).toBeDefined();
    expect(slots.take(grantOf('alice'))).toBeUndefined();
  });

  it('is unlimited at 0', () => {
    const slots = createSubjectSlots(0);
    for (let count = 0; count < 100; count += 1) expect(slots.take(grantOf('alice'))).toBeDefined();
  });
});
