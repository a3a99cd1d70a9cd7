import { describe, expect, it } from 'vitest';

import { findDescriptorLimit } from './descriptor-limit.ts';

describe('findDescriptorLimit', () => {
  it.each([
    [
      'Max processes  63  63  processes\nMax open files            1024                 4096                 files\n',
      1024,
    ],
    ['Max open files            unlimited            unlimited            files\n', undefined],
    ['', undefined],
  ])('reads %j as %s', (text, limit) => {
    expect(findDescriptorLimit(() => text)).toBe(limit);
  });

  it('knows nothing where the system says nothing', () => {
    expect(
      findDescriptorLimit(() => {
        throw new Error('no such file');
      }),
    ).toBeUndefined();
  });
});
