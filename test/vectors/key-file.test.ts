import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { formatKeyFile, parseKeyFile } from '../../src/services/keys/key-file-format.ts';
import { checkSuccession, keyStateAt } from '../../src/services/keys/key-set.ts';

const content = readFileSync(new URL('key-file-v1.json', import.meta.url), 'utf8');

describe('the key file of version 1', () => {
  const entries = parseKeyFile(content);

  it.each([
    ['2027-01-15T07:59:59Z', ['destroyed', 'active', 'announced']],
    ['2027-01-15T08:00:00Z', ['destroyed', 'retiring', 'active']],
    ['2027-02-24T08:00:00Z', ['destroyed', 'destroyed', 'active']],
  ])('says at %s that its keys are %j', (moment, states) => {
    const now = Date.parse(moment) / 1000;
    expect(entries.map((entry) => keyStateAt(entry, now))).toEqual(states);
    expect(() => checkSuccession(entries, now)).not.toThrow();
  });

  it('is what is written today', () => {
    expect(formatKeyFile(entries)).toBe(content);
  });
});
