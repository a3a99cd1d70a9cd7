import { describe, expect, it } from 'vitest';

import { rateLimitKey } from './limit-key.ts';

describe('rateLimitKey', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:0DB8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['fe80::2%25en1', 'fe80:0:0:0::/64'],
    ['', ''],
    ['somewhere', 'somewhere'],
    ['x'.repeat(1000), 'x'.repeat(64)],
  ])('counts %j as %j', (address, key) => {
    expect(rateLimitKey(address)).toBe(key);
  });
});
